/** An answer that is an error. */
export class Refused extends Error {
  constructor(status, title, detail, hint) {
    super(detail);
    Object.assign(this, { status, title, hint });
  }
}
