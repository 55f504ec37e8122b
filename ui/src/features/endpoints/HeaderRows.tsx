import { useRef, useState } from "react";
import type { Header } from "../../ipc/gen/Header";
import { Button } from "../../parts/Button";
import { IconButton } from "../../parts/IconButton";
import { IconClose } from "../../parts/icons";
import { TextInput } from "../../parts/TextInput";
import styles from "./ForwardDialog.module.css";

/** A header as it is being typed. */
export type HeaderDraft = Header;

/** The headers that have a name. */
export function toHeaders(drafts: readonly HeaderDraft[]): Header[] {
  return drafts
    .map((one) => ({ name: one.name.trim(), value: one.value.trim() }))
    .filter((one) => one.name !== "");
}

/** Names and values, a row each. */
export function HeaderRows(props: {
  headers: readonly HeaderDraft[];
  error: string | undefined;
  onChange: (headers: readonly HeaderDraft[]) => void;
}) {
  const { headers, error, onChange } = props;
  const [added, setAdded] = useState(-1);
  const more = useRef<HTMLButtonElement>(null);

  function change(at: number, patch: Partial<HeaderDraft>) {
    onChange(headers.map((one, other) => (other === at ? { ...one, ...patch } : one)));
  }

  function remove(at: number) {
    onChange(headers.filter((_, other) => other !== at));
    more.current?.focus();
  }

  return (
    <fieldset className={styles.headers}>
      <legend>Extra headers</legend>
      {headers.map((header, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows have no other name, and their fields hold no state
        <div key={at} className={styles.header}>
          <TextInput
            mono
            autoFocus={at === added}
            aria-label={`Name of header ${at + 1}`}
            placeholder="x-api-key"
            value={header.name}
            invalid={error !== undefined && header.name.trim() === ""}
            onChange={(event) => change(at, { name: event.target.value })}
          />
          <TextInput
            mono
            aria-label={`Value of header ${at + 1}`}
            placeholder="value"
            value={header.value}
            onChange={(event) => change(at, { value: event.target.value })}
          />
          <IconButton label={`Remove header ${at + 1}`} onClick={() => remove(at)}>
            <IconClose size={14} />
          </IconButton>
        </div>
      ))}
      {error !== undefined && (
        <p className={styles.error} role="alert">
          {error}
        </p>
      )}
      <Button
        size="sm"
        ref={more}
        onClick={() => {
          setAdded(headers.length);
          onChange([...headers, { name: "", value: "" }]);
        }}
      >
        Add header
      </Button>
    </fieldset>
  );
}
