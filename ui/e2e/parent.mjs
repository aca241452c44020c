// What the tests ask of who started them: lines `@busta stop` and `@busta start` on stdout, answered by
// `@busta stopped` and `@busta started` on stdin. The server comes back at the same address with the same state.
import { createInterface } from "node:readline";

let lines;

async function ask(request, answer) {
  lines ??= createInterface({ input: process.stdin });
  const answered = new Promise((done) => {
    const take = (line) => {
      if (line.trim() !== answer) return;
      lines.off("line", take);
      done();
    };
    lines.on("line", take);
  });
  process.stdout.write(`${request}\n`);
  await answered;
}

export const stopServer = () => ask("@busta stop", "@busta stopped");
export const startServer = () => ask("@busta start", "@busta started");

export function letParentGo() {
  lines?.close();
  process.stdin.unref?.();
}
