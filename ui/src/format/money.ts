const exact = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 6 });
const round = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** An amount, without a currency, which only the user knows: `5.00`, `0.0025`. */
export function money(amount: number): string {
  return (Math.abs(amount) < 1 ? exact : round).format(amount);
}
