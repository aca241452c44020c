import { signal } from "@preact/signals";
import { type Edited, edits } from "../api/history.ts";
import { plural } from "../format/number.ts";
import { toast, toastProblem } from "./toast.ts";

/** Counts up when somebody has edited rows here: then what is shown is asked for again. */
export const edited = signal(0);

type Verb = "added" | "changed" | "removed";

/** Says what an edit has done, and offers to undo it. */
export async function edit(dataset: string, verb: Verb, doing: Promise<Edited>): Promise<void> {
  const { change, records } = await doing;
  if (change === undefined) {
    toast({ tone: "info", text: "Nothing to change: it was like this before." });
    return;
  }
  edited.value += 1;
  toast({
    tone: "good",
    text: `${plural(records.length, "row")} ${verb}.`,
    act: { text: "Undo", act: () => void undo(dataset, change).catch(toastProblem) },
  });
}

/** Takes an edit back. */
export async function undo(dataset: string, change: number): Promise<void> {
  const { records } = await edits.undo(dataset, change);
  edited.value += 1;
  toast({ tone: "good", text: `Undone: ${plural(records.length, "row")} as before.` });
}
