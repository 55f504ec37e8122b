import { useEffect, useRef, useState } from "react";
import { copyText } from "../lib/copy";
import { toast } from "../lib/toast";
import { Button } from "./Button";
import { IconButton } from "./IconButton";
import { IconCheck, IconCopy } from "./icons";

export interface CopyButtonProps {
  /** Or what fetches it, within the click. */
  text: string | (() => Promise<string>);
  label?: string | undefined;
  /** Full name for a screen reader, such as "Copy endpoint URL". */
  what?: string | undefined;
  size?: "md" | "sm" | undefined;
  iconOnly?: boolean | undefined;
  onCopied?: (() => void) | undefined;
}

export function CopyButton({
  text,
  label = "Copy",
  what,
  size = "sm",
  iconOnly,
  onCopied,
}: CopyButtonProps) {
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);

  const copy = async () => {
    try {
      await copyText(typeof text === "string" ? text : text());
    } catch (error) {
      toast({
        title: "Could not copy.",
        description: error instanceof Error ? error.message : String(error),
        tone: "red",
      });
      return;
    }
    setCopied(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setCopied(false), 1600);
    onCopied?.();
  };

  if (iconOnly) {
    return (
      <IconButton
        size={size}
        label={copied ? "Copied" : (what ?? label)}
        onClick={() => void copy()}
      >
        {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
      </IconButton>
    );
  }
  return (
    <Button size={size} aria-label={copied ? "Copied" : what} onClick={() => void copy()}>
      {copied ? "Copied" : label}
    </Button>
  );
}
