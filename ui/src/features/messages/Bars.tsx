import { useState } from "react";
import type { ListMessages } from "../../ipc/gen/ListMessages";
import { useAct, useRpc } from "../../ipc/hooks";
import { count } from "../../lib/number";
import { zone } from "../../lib/time";
import { toast } from "../../lib/toast";
import { plural } from "../../lib/words";
import { Button } from "../../parts/Button";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { IconButton } from "../../parts/IconButton";
import { IconChevronDown, IconClose, IconMore } from "../../parts/icons";
import { Menu } from "../../parts/Menu";
import { type Actions, cleared, saveAsHar } from "./actions";
import s from "./Bars.module.css";
import { ReplayDialog } from "./ReplayDialog";

/** What can be done with the messages that are selected. */
export function SelectionBar({
  ids,
  pinned,
  actions,
  onReplay,
  onCompare,
  onClear,
}: {
  ids: readonly number[];
  /** All of them are pinned already. */
  pinned: boolean;
  actions: Actions;
  /** Asks where they are to go. */
  onReplay: () => void;
  onCompare: (ids: readonly [number, number]) => void;
  onClear: () => void;
}) {
  const which = { ids: [...ids] };
  const [first, second] = ids;
  const two = ids.length === 2 && first !== undefined && second !== undefined;
  const pinWord = pinned ? "Unpin" : "Pin";
  const pin = () => actions.pin(which, !pinned);
  return (
    <div className={s.bar} role="toolbar" aria-label="Selected messages">
      <span role="status" className={s.count}>
        {count(ids.length)} selected
      </span>
      <Button
        size="sm"
        aria-keyshortcuts="r"
        busy={actions.replaying}
        onClick={() => actions.replay(which)}
      >
        Replay
      </Button>
      {two ? (
        <Button size="sm" aria-keyshortcuts="c" onClick={() => onCompare([first, second])}>
          Compare
        </Button>
      ) : (
        <Button size="sm" aria-keyshortcuts="p" onClick={pin}>
          {pinWord}
        </Button>
      )}
      <Menu
        label="More for the selected messages"
        trigger={
          <IconButton size="sm" variant="secondary" label="More for the selected">
            <IconMore />
          </IconButton>
        }
        items={[
          {
            label: "Replay…",
            kbd: "shift+r",
            hint: "Where to, and under which ids",
            onSelect: onReplay,
          },
          ...(two ? [{ label: pinWord, kbd: "p", onSelect: pin }] : []),
          { label: "Verify again", onSelect: () => actions.verify(which) },
          { separator: true },
          { label: "Save as HAR", onSelect: () => void saveAsHar(which) },
          { label: "Copy as HAR", onSelect: () => void actions.copy(which, "har") },
          { label: "Copy as JSON", onSelect: () => void actions.copy(which, "json") },
          {
            label: "Copy redacted",
            hint: "JSON with secrets, addresses, names and ids replaced",
            onSelect: () => void actions.copy(which, "json", true),
          },
          { separator: true },
          {
            label: "Clear",
            hint: "Out of the lists; pinned ones stay",
            tone: "danger",
            onSelect: () => actions.clear(which),
          },
        ]}
      />
      <span className={s.grow} />
      <IconButton size="sm" label="Clear the selection" onClick={onClear}>
        <IconClose size={14} />
      </IconButton>
    </div>
  );
}

type All = "verify" | "clear";

/** What is asked before something is done with all that a search finds. */
const QUESTIONS: Record<All, { title: (words: string) => string; confirm: string; says: string }> =
  {
    verify: {
      title: (words) => `Verify ${words} again?`,
      confirm: "Verify again",
      says: "Refused messages whose signature fits now are processed, and the contacts are brought up to date. The others stay as they are.",
    },
    clear: {
      title: (words) => `Clear ${words}?`,
      confirm: "Clear",
      says: "They leave the lists; pinned ones stay. Contacts stay as they are. It can be undone until Usher is closed.",
    },
  };

/** How many messages a search finds, and what can be done with all of them. */
export function FoundBar({ environmentId, query }: { environmentId: number; query: string }) {
  const which: ListMessages = { environmentId, query, zone };
  const found = useRpc("messages", "count", which, { keep: true, every: 2000 });
  const [asked, setAsked] = useState<All | "replay" | null>(null);
  const verify = useAct("messages", "verify", { toastError: false });
  const clear = useAct("messages", "remove", { toastError: false });
  const known = found.isPlaceholderData ? undefined : found.data;
  const many = known?.count;
  const question = QUESTIONS[asked === "clear" ? "clear" : "verify"];
  const all = known?.whole && known.count !== 1 ? `All ${count(known.count)} found` : "All found";
  const words = known?.whole ? plural(known.count, "message") : "all messages found";

  const run = async () => {
    if (asked === "clear") {
      cleared(await clear.mutateAsync(which));
    } else {
      const { sentence, accepted } = await verify.mutateAsync(which);
      toast({ title: sentence, tone: accepted > 0 ? "green" : "amber" });
    }
  };

  const search = (
    <p className={s.query}>
      Search: <code>{query}</code>
    </p>
  );

  return (
    <div className={s.bar}>
      <span role="status" className={s.count}>
        {found.data === undefined
          ? "Counting…"
          : `${count(found.data.count)}${found.data.whole ? "" : " or more"} found`}
      </span>
      <span className={s.grow} />
      <Menu
        label={all}
        trigger={
          <Button size="sm" variant="quiet" disabled={many === 0}>
            {all}
            <IconChevronDown size={12} />
          </Button>
        }
        items={[
          {
            label: "Verify again…",
            hint: "Those refused, with the secrets there are now",
            onSelect: () => setAsked("verify"),
          },
          {
            label: "Replay…",
            hint: "Into Usher, to a forward, or both",
            onSelect: () => setAsked("replay"),
          },
          {
            label: "Save as HAR",
            hint: "A file among your downloads; up to 1,000 messages",
            onSelect: () => void saveAsHar(which),
          },
          { separator: true },
          {
            label: "Clear…",
            hint: "Out of the lists; pinned ones stay",
            tone: "danger",
            onSelect: () => setAsked("clear"),
          },
        ]}
      />
      <ConfirmDialog
        open={asked === "verify" || asked === "clear"}
        onClose={() => setAsked(null)}
        onConfirm={run}
        title={question.title(words)}
        confirm={question.confirm}
      >
        <p>{question.says}</p>
        {search}
      </ConfirmDialog>
      {asked === "replay" && (
        <ReplayDialog
          which={which}
          words={words}
          one={many === 1}
          refused="perhaps"
          onClose={() => setAsked(null)}
        >
          {search}
        </ReplayDialog>
      )}
    </div>
  );
}
