// What the tests ask of who started them: a line `@busta restart` on stdout, answered by a line
// `@busta restarted` on stdin once the server runs again, at the same address and with the same state.
import { createInterface } from "node:readline";

let lines;

export async function restartServer() {
  lines ??= createInterface({ input: process.stdin });
  const answered = new Promise((done) => {
    const take = (line) => {
      if (line.trim() !== "@busta restarted") return;
      lines.off("line", take);
      done();
    };
    lines.on("line", take);
  });
  process.stdout.write("@busta restart\n");
  await answered;
}

export function letParentGo() {
  lines?.close();
  process.stdin.unref?.();
}
