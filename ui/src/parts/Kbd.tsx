import { keyText } from "../lib/keys";
import s from "./Kbd.module.css";

/** A key, as printed on the keyboard in use. */
export function Kbd({ keys }: { keys: string }) {
  return (
    <span aria-hidden="true">
      <kbd className={s.kbd}>{keyText(keys)}</kbd>
    </span>
  );
}
