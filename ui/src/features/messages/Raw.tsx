import { useMemo } from "react";
import type { MessageDetail } from "../../ipc/gen/MessageDetail";
import { bytes, count } from "../../lib/number";
import { CopyButton } from "../../parts/CopyButton";
import s from "./Raw.module.css";

const MOST = 200_000;
const HEX_MOST = 16_384;

/** The body, byte for byte. */
export function Raw({ message }: { message: MessageDetail }) {
  const { bodyText, bodyBase64 } = message;
  const hex = useMemo(() => (bodyBase64 === null ? null : hexDump(bodyBase64)), [bodyBase64]);
  return (
    <div className={s.frame}>
      <div className={s.bar}>
        <span>
          {bytes(message.bodySize)}
          {bodyText === null ? ", not text" : ", UTF-8"}
        </span>
        <CopyButton
          text={bodyText ?? bodyBase64 ?? ""}
          what="Copy the raw body"
          label={bodyText === null ? "Copy as base64" : "Copy"}
        />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard */}
      <pre className={s.raw} tabIndex={0}>
        {hex ?? bodyText?.slice(0, MOST)}
        {bodyText !== null &&
          bodyText.length > MOST &&
          `\n… ${count(bodyText.length - MOST)} more characters; Copy takes all`}
      </pre>
    </div>
  );
}

function hexDump(base64: string): string {
  const binary = atob(base64);
  const lines: string[] = [];
  for (let at = 0; at < Math.min(binary.length, HEX_MOST); at += 16) {
    const part = binary.slice(at, at + 16);
    const codes = Array.from(part, (c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join(" ");
    const text = part.replace(/[^\x20-\x7e]/g, ".");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${codes.padEnd(47)}  ${text}`);
  }
  if (binary.length > HEX_MOST) lines.push(`… ${count(binary.length - HEX_MOST)} more bytes`);
  return lines.join("\n");
}
