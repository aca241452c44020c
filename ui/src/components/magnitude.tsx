/** A number and, beside it, how it compares with the largest. `share` is between 0 and 1. */
export function Magnitude(props: { share: number; text: string }) {
  const share = Math.min(1, Math.max(0, props.share));
  return (
    <span class="magnitude">
      <span class="number">{props.text}</span>
      <span class="magnitude-bar" aria-hidden="true">
        <span style={{ width: `${share * 100}%` }} />
      </span>
    </span>
  );
}
