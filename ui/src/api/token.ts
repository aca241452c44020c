import { signal } from "@preact/signals";

const KEY = "busta.token";

/** Storage may be forbidden, for instance in a frame: then the token lives as long as the page. */
function read(storage: () => Storage): string | null {
  try {
    return storage().getItem(KEY);
  } catch {
    return null;
  }
}

function write(storage: () => Storage, value: string | null): void {
  try {
    if (value === null) storage().removeItem(KEY);
    else storage().setItem(KEY, value);
  } catch {
    // Kept in memory only.
  }
}

const session = () => window.sessionStorage;
const device = () => window.localStorage;

/** The token that is sent with every call; `null` where the server asks for none. */
export const token = signal<string | null>(read(session) ?? read(device));

/** Whether the server has refused the last call for want of a valid token. */
export const signInNeeded = signal(false);

export function signIn(value: string, remember: boolean): void {
  write(session, value);
  write(device, remember ? value : null);
  token.value = value;
  signInNeeded.value = false;
}

export function signOut(): void {
  write(session, null);
  write(device, null);
  token.value = null;
  signInNeeded.value = true;
}
