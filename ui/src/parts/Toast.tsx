import { useEffect, useSyncExternalStore } from "react";
import { createPortal } from "react-dom";
import { useCommand } from "../lib/keymap";
import { dismissToast, type ToastItem, toast, toasts } from "../lib/toast";
import { Button } from "./Button";
import { Dot } from "./Dot";
import { IconButton } from "./IconButton";
import { IconClose } from "./icons";
import s from "./Toast.module.css";

const SHOWN_MS = 6000;
/** For those that offer something or tell of a failure. */
const LONGER_MS = 10_000;

/** The function that shows a toast. */
export function useToast(): typeof toast {
  return toast;
}

/** Draws the toasts, above dialogs too; stands once in the shell. */
export function Toasts() {
  const items = useSyncExternalStore(toasts.subscribe, toasts.current, toasts.current);
  const last = items.findLast((item) => item.undo !== undefined);
  useCommand("undo", () => last && takeBack(last), { enabled: last !== undefined });
  return createPortal(
    <section className={s.region} aria-label="Notices" aria-live="polite" data-notices>
      {items.map((item) => (
        <Toast key={item.id} item={item} />
      ))}
    </section>,
    document.body,
  );
}

function takeBack(item: ToastItem): void {
  dismissToast(item.id);
  void Promise.resolve(item.undo?.()).catch((error: unknown) => {
    toast({
      title: "Could not be undone.",
      description: error instanceof Error ? error.message : String(error),
      tone: "red",
    });
  });
}

function Toast({ item }: { item: ToastItem }) {
  const longer = item.undo !== undefined || item.action !== undefined || item.tone === "red";
  const ms = longer ? LONGER_MS : SHOWN_MS;
  useEffect(() => {
    const timer = setTimeout(() => dismissToast(item.id), ms);
    return () => clearTimeout(timer);
  }, [item.id, ms]);
  return (
    <div className={s.toast} role={item.tone === "red" ? "alert" : undefined}>
      {item.tone !== undefined && <Dot tone={item.tone} className={s.dot ?? ""} />}
      <div className={s.text}>
        <p className={s.title}>{item.title}</p>
        {item.description !== undefined && <p className={s.description}>{item.description}</p>}
      </div>
      {item.action !== undefined && (
        <Button
          size="sm"
          onClick={() => {
            dismissToast(item.id);
            item.action?.onClick();
          }}
        >
          {item.action.label}
        </Button>
      )}
      {item.undo !== undefined && (
        <Button size="sm" kbd="mod+z" onClick={() => takeBack(item)}>
          {item.undoLabel ?? "Undo"}
        </Button>
      )}
      <IconButton size="sm" label="Dismiss" onClick={() => dismissToast(item.id)}>
        <IconClose size={14} />
      </IconButton>
    </div>
  );
}
