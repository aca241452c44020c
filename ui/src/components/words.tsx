import { shortUrl } from "../format/url.ts";

interface Props {
  text: string;
  /** With addresses as they are, however long. */
  whole?: boolean;
}

/** A message with what stands in backticks as code. */
export function Words({ text, whole }: Props) {
  const parts = text.split(/`([^`]+)`/);
  return (
    <>
      {parts.map((part, at) =>
        at % 2 === 1 ? <code key={at}>{part}</code> : whole ? part : <Addresses key={at} text={part} />,
      )}
    </>
  );
}

/** Text in which long addresses are told by their beginning and their end. */
function Addresses({ text }: { text: string }) {
  const parts = text.split(/(https?:\/\/\S+)/);
  return (
    <>
      {parts.map((part, at) =>
        at % 2 === 1 ? (
          <span key={at} title={part}>
            {shortUrl(part)}
          </span>
        ) : (
          part
        ),
      )}
    </>
  );
}
