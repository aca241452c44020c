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

const COLS: Col<HostView>[] = [
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
  {
    title: "At once",
    number: true,
    cell: (host) => `${count(host.in_flight)}${host.limit === undefined ? "" : ` of ${count(host.limit)}`}`,
  },
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

export function Hosts(props: { hosts: HostView[]; caption: string; empty: string }) {
  return (
    <Table
      caption={props.caption}
      cols={COLS}
      rows={props.hosts}
      id={(host) => host.host}
      empty={props.empty}
    />
  );
}
