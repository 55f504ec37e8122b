import type { MessageDetail } from "../../ipc/gen/MessageDetail";
import { Button } from "../../parts/Button";
import { IconButton } from "../../parts/IconButton";
import { IconMore } from "../../parts/icons";
import { Menu } from "../../parts/Menu";
import { type Actions, saveAsHar } from "./actions";
import type { Asks } from "./asks";
import s from "./Detail.module.css";

/** What can be done with one message. */
export function DetailActions(props: { message: MessageDetail; actions: Actions; asks: Asks }) {
  const { message, actions, asks } = props;
  const which = { ids: [message.id] };
  const refused = message.outcome === "refused";
  const text = message.bodyText !== null;
  return (
    <div className={s.actions}>
      {refused ? (
        <Button size="sm" busy={actions.verifying} onClick={() => actions.verify(which)}>
          Verify again
        </Button>
      ) : (
        <Button size="sm" className={s.wide} onClick={() => void actions.copy(which, "curl")}>
          Copy as cURL
        </Button>
      )}
      {text && (
        <Button
          size="sm"
          className={refused ? s.wider : s.middle}
          onClick={() => asks.edit(message)}
        >
          Edit and resend
        </Button>
      )}
      <Button
        size="sm"
        kbd="r"
        aria-keyshortcuts="r"
        busy={actions.replaying}
        onClick={() => asks.replayAtOnce(message)}
      >
        Replay
      </Button>
      <Menu
        label="More about this message"
        trigger={
          <IconButton size="sm" variant="secondary" label="More">
            <IconMore />
          </IconButton>
        }
        items={[
          {
            label: "Replay…",
            kbd: "shift+r",
            hint: "Into Usher, to a forward, or both",
            onSelect: () => asks.replay([message]),
          },
          ...(text ? [{ label: "Edit and resend…", onSelect: () => asks.edit(message) }] : []),
          {
            label: "Compare with previous",
            kbd: "c",
            onSelect: () => void asks.comparePrevious(message.id),
          },
          {
            label: message.pinned ? "Unpin" : "Pin",
            kbd: "p",
            hint: message.pinned ? undefined : "Clearing leaves it",
            onSelect: () => actions.pin(which, !message.pinned),
          },
          ...(text ? [{ label: "Save as fixture…", onSelect: () => asks.keep(message) }] : []),
          { separator: true },
          {
            label: "Copy as cURL",
            kbd: "mod+shift+c",
            onSelect: () => void actions.copy(which, "curl"),
          },
          { label: "Copy as fetch", onSelect: () => void actions.copy(which, "fetch") },
          { label: "Copy as HTTP", onSelect: () => void actions.copy(which, "http") },
          { label: "Copy as JSON", onSelect: () => void actions.copy(which, "json") },
          { label: "Copy as HAR", onSelect: () => void actions.copy(which, "har") },
          { label: "Save as HAR", onSelect: () => void saveAsHar(which) },
          { separator: true },
          {
            label: "Copy redacted",
            hint: "JSON for a public issue: secrets, addresses, names and ids are stand-ins",
            onSelect: () => void actions.copy(which, "json", true),
          },
          ...(message.pinned
            ? []
            : [
                { separator: true as const },
                {
                  label: "Clear",
                  hint: "Out of the lists",
                  tone: "danger" as const,
                  onSelect: () => actions.clear(which),
                },
              ]),
        ]}
      />
    </div>
  );
}
