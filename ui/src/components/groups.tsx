import { type SentimentStats, statsPath } from "../api/views.ts";
import { useQuery } from "../state/query.ts";
import { Select } from "./choice.tsx";

interface Props {
  dataset: string;
  /** The column that tells groups apart. */
  column: string;
  value: string;
  choose(value: string): void;
}

/** The groups that had something to say in the last month, to choose one. */
export function Groups(props: Props) {
  const stats = useQuery<SentimentStats>(statsPath(props.dataset, "30d", "1d"));
  const names = (stats.data?.groups ?? []).map((each) => each.group).sort((a, b) => a.localeCompare(b));
  if (props.value && !names.includes(props.value)) names.push(props.value);
  return (
    <Select
      label={props.column}
      value={props.value}
      choose={props.choose}
      options={[{ value: "", text: "all" }, ...names.map((name) => ({ value: name, text: name }))]}
    />
  );
}
