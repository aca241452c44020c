import type { DatasetView } from "../../api/types.ts";
import { Segments } from "../../components/choice.tsx";
import { Groups } from "../../components/groups.tsx";
import { type Window, windowOptions } from "../../format/windows.ts";
import { setQuery } from "../../state/router.ts";

interface Props {
  dataset: string;
  view: DatasetView;
  window: Window;
  /** Those to choose from. */
  windows: Window[];
  group: string;
}

/** The choice of a window and of a group, which stand in the address. */
export function WindowFilters({ dataset, view, window, windows, group }: Props) {
  return (
    <search class="filters">
      <Segments
        label="Window"
        value={window}
        choose={(value) => setQuery({ window: value === "24h" ? undefined : value })}
        options={windowOptions(windows)}
      />
      {view.group_by && (
        <Groups
          dataset={dataset}
          column={view.group_by}
          value={group}
          choose={(value) => setQuery({ group: value })}
        />
      )}
    </search>
  );
}
