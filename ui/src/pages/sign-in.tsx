import { useState } from "preact/hooks";
import { ApiError, BASE } from "../api/client.ts";
import { signIn, token } from "../api/token.ts";
import { Check } from "../components/choice.tsx";
import { Icon } from "../components/icon.tsx";
import { Notice } from "../components/notice.tsx";
import { PageFrame } from "../components/page.tsx";

/** Asks for a token, and tries it before it is kept. */
export function SignInPage() {
  const [value, setValue] = useState("");
  const [remember, setRemember] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(token.value === null ? "" : "Your token is no longer valid.");
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await tryToken(value.trim());
      signIn(value.trim(), remember);
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : "The server does not answer.");
    } finally {
      setBusy(false);
    }
  };
  return (
    <PageFrame title="Sign in">
      <form class="panel sign-in" onSubmit={submit}>
        <p>
          This server asks for a token. <code>busta token new</code> makes one, and prints it once.
        </p>
        {problem && (
          <div role="alert">
            <Notice tone="bad">{problem}</Notice>
          </div>
        )}
        <div class="field">
          <label for="token">Token</label>
          <input
            id="token"
            type="password"
            required
            autocomplete="current-password"
            spellcheck={false}
            value={value}
            onInput={(event) => setValue(event.currentTarget.value)}
          />
        </div>
        <Check checked={remember} set={setRemember}>
          Remember it on this device
        </Check>
        <button type="submit" class="primary" disabled={busy}>
          <Icon name="key" />
          Sign in
        </button>
      </form>
    </PageFrame>
  );
}

async function tryToken(value: string): Promise<void> {
  const answer = await fetch(`${BASE}/overview`, {
    headers: { Authorization: `Bearer ${value}` },
    cache: "no-store",
  });
  if (answer.status === 401) throw new ApiError(401, "The server does not know this token.");
  if (!answer.ok) throw new ApiError(answer.status, `The server answered ${answer.status}.`);
}
