import { type ComponentProps, useRef, useState } from "react";
import { TextInput } from "../../parts/TextInput";

type Props = Omit<ComponentProps<typeof TextInput>, "value" | "onChange" | "onBlur"> & {
  value: string;
  onCommit: (text: string) => void;
};

/** A text field that saves on Enter or on leaving it; Esc takes the text back. */
export function CommitInput({ value, onCommit, ...rest }: Props) {
  const [draft, setDraft] = useState<string | null>(null);
  const dropped = useRef(false);
  return (
    <TextInput
      {...rest}
      value={draft ?? value}
      onChange={(event) => setDraft(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter") event.currentTarget.blur();
        if (event.key === "Escape") {
          event.stopPropagation();
          dropped.current = true;
          event.currentTarget.blur();
        }
      }}
      onBlur={() => {
        const text = draft?.trim();
        setDraft(null);
        if (text !== undefined && text !== value && !dropped.current) onCommit(text);
        dropped.current = false;
      }}
    />
  );
}
