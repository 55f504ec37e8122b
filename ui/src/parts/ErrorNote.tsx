import { failure } from "../ipc/failure";
import { Button } from "./Button";
import s from "./ErrorNote.module.css";
import { IconAlert } from "./icons";

/** What went wrong, in the place where it did. */
export function ErrorNote({
  error,
  retry,
  title,
}: {
  error: unknown;
  retry?: (() => void) | undefined;
  title?: string | undefined;
}) {
  return (
    <div className={s.note} role="alert">
      <IconAlert />
      <div className={s.text}>
        {title !== undefined && <p className={s.title}>{title}</p>}
        <p>{failure(error).message}</p>
      </div>
      {retry !== undefined && (
        <Button size="sm" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}
