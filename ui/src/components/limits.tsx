import type { HostView, PoolView } from "../api/types.ts";
import { compact, count, millis, rate } from "../format/number.ts";
import { Badge } from "./badge.tsx";
import { Progress } from "./bar.tsx";
import { type Col, Table } from "./table.tsx";

/** How full pools are. */
export function Pools({ pools }: { pools: PoolView[] }) {
  if (pools.length === 0) return <p class="empty">No pool is in use.</p>;
  return (
    <ul class="pools">
      {pools.map((pool) => (
        <li key={pool.name}>
          <span class="name">{pool.name}</span>
          {pool.places !== undefined && (
            <Progress
              label={`Places taken of pool ${pool.name}`}
              share={pool.taken / Math.max(1, pool.places)}
            />
          )}
          <span class="number">
            {count(pool.taken)}
            {pool.places !== undefined && ` of ${count(pool.places)}`}
            {pool.waiting > 0 && <span class="warn-ink"> · {count(pool.waiting)} wait</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}

const HOST: Col<HostView>[] = [
  {
    title: "Host",
    main: true,
    cell: (host) => (
      <span class="run-cell">
        <span class="mono">{host.host}</span>
        {host.paused && <Badge icon="pause" tone="warn" words="left alone for a while" />}
      </span>
    ),
  },
];

const IN_USE: Col<HostView> = {
  title: "At once",
  number: true,
  cell: (host) => `${count(host.in_flight)}${host.limit === undefined ? "" : ` of ${count(host.limit)}`}`,
};

const BEARS: Col<HostView> = {
  title: "Bears at once",
  number: true,
  cell: (host) => (host.limit === undefined ? "–" : count(host.limit)),
};

const REST: Col<HostView>[] = [
  {
    title: "Bears per second",
    number: true,
    cell: (host) => (host.rate === undefined ? "–" : rate(host.rate)),
  },
  { title: "Requests", number: true, cell: (host) => compact(host.requests) },
  {
    title: "Refused",
    number: true,
    cell: (host) => <span class={host.limited > 0 ? "warn-ink" : "faint"}>{compact(host.limited)}</span>,
  },
  { title: "Answers in", number: true, cell: (host) => millis(host.latency_mean_ms) },
];

interface HostsProps {
  hosts: HostView[];
  caption: string;
  empty: string;
  /** What they were found to bear, and not what is under way. */
  limits?: boolean;
}

export function Hosts(props: HostsProps) {
  const cols = [...HOST, props.limits ? BEARS : IN_USE, ...REST];
  return (
    <Table
      caption={props.caption}
      cols={cols}
      rows={props.hosts}
      // One that is asked with several credentials has limits for each.
      id={(host, at) => `${host.host} ${at}`}
      empty={props.empty}
    />
  );
}
