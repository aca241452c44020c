/** A compound score with its sign: `+0.42`, `−0.07`, `0.00`. */
export function compound(value: number): string {
  const text = Math.abs(value).toFixed(2);
  if (Number(text) === 0) return text;
  return `${value < 0 ? "−" : "+"}${text}`;
}

/** How often something is there now against before: `×3.2`, `×14`; of what was not there before, `new`. */
export function growth(count: number, before: number): string {
  if (before === 0) return "new";
  const factor = count / before;
  return `×${factor < 9.95 ? factor.toFixed(1) : Math.round(factor).toLocaleString("en")}`;
}
