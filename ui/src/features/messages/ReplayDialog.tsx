import { type FormEvent, type ReactNode, useId, useState } from "react";
import { useEnvironment } from "../../ipc/environment";
import type { Replay } from "../../ipc/gen/Replay";
import type { WhichMessages } from "../../ipc/gen/WhichMessages";
import { useRpc } from "../../ipc/hooks";
import { Button } from "../../parts/Button";
import { Checkbox } from "../../parts/Checkbox";
import { Dialog } from "../../parts/Dialog";
import { ErrorNote } from "../../parts/ErrorNote";
import { RadioGroup, type RadioOption } from "../../parts/RadioGroup";
import { useReplay } from "./actions";
import s from "./ReplayDialog.module.css";

/** Into Usher, to one forward by its id, to all of them, or both. */
type Where = "usher" | `forward-${number}` | "forwards" | "both";

function destination(where: Where): Pick<Replay, "to" | "forwardId"> {
  if (where === "usher" || where === "forwards" || where === "both") return { to: where };
  return { to: "forwards", forwardId: Number(where.slice("forward-".length)) };
}

/** Asks where messages are to go again, and under which ids. */
export function ReplayDialog(props: {
  which: WhichMessages;
  /** How they are called in the title, such as "3 messages". */
  words: string;
  /** It is one message. */
  one: boolean;
  /** Whether refused ones are among them: nobody knows who sent those. */
  refused: "yes" | "perhaps" | "no";
  /** Endpoints they came to; those of the environment when it is not known. */
  endpointIds?: readonly number[] | undefined;
  /** More about which they are. */
  children?: ReactNode;
  onClose: () => void;
}) {
  const { which, words, one, refused, endpointIds, children, onClose } = props;
  const { id: environmentId } = useEnvironment();
  const endpoints = useRpc("endpoints", "list", {});
  const forwards = useRpc("forwards", "list", {});
  const [where, setWhere] = useState<Where>("usher");
  const [ids, setIds] = useState<"new" | "same">("new");
  const [even, setEven] = useState(refused === "yes");
  const replay = useReplay(onClose);
  const form = useId();

  const here = endpoints.data?.filter((row) => row.environmentId === environmentId);
  const theirs = endpointIds ?? here?.map((row) => row.id) ?? [];
  const open = forwards.data?.filter((row) => row.enabled && theirs.includes(row.endpointId)) ?? [];
  const known = forwards.data !== undefined && endpoints.data !== undefined;

  const options: RadioOption<Where>[] = [
    {
      value: "usher",
      label: "Into Usher",
      hint: "As if Clerk sent it now. What is accepted goes on to the forwards.",
    },
    ...open.map(
      (row): RadioOption<Where> => ({
        value: `forward-${row.id}`,
        label: <code className={s.url}>{row.url}</code>,
        hint:
          row.types.length === 0
            ? "Past the listener: nothing changes here."
            : `Past the listener. It takes ${row.types.join(", ")}.`,
      }),
    ),
    ...(open.length > 1
      ? [
          {
            value: "forwards" as const,
            label: `All ${open.length} forwards`,
            hint: "Past the listener: nothing changes here.",
          },
        ]
      : []),
    ...(open.length > 0
      ? [
          {
            value: "both" as const,
            label: "Both",
            hint: "Into Usher, and to each forward once, duplicates too.",
          },
        ]
      : []),
    ...(known && open.length === 0
      ? [
          {
            value: "forwards" as const,
            label: "To a forward",
            hint: "None is on. Add one on the page of the endpoint, under Forward.",
            disabled: true,
          },
        ]
      : []),
  ];

  function submit(event: FormEvent) {
    event.preventDefault();
    if (replay.isPending) return;
    const asked = { which, sameId: ids === "same", ...destination(where) };
    replay.mutate(even ? { ...asked, refused: true } : asked);
  }

  return (
    <Dialog
      open
      onClose={onClose}
      title={`Replay ${words}`}
      description={
        one
          ? "Signed anew, with the time of now."
          : "Signed anew, oldest first; at most 1,000 at once."
      }
      width={500}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form={form} busy={replay.isPending}>
            {refused === "yes" ? "Sign and replay" : "Replay"}
          </Button>
        </>
      }
    >
      <form id={form} className={s.form} onSubmit={submit}>
        {refused === "yes" && (
          <p className={s.warn}>
            It was refused, so nobody knows who sent it. A replay is signed with your own secret:
            Usher and your app will believe it. If only the secret was wrong, verify it again
            instead.
          </p>
        )}
        <RadioGroup label="Where to" value={where} onChange={setWhere} options={options} />
        <RadioGroup
          label="Under"
          across
          value={ids}
          onChange={setIds}
          options={[
            {
              value: "new",
              label: one ? "A new id" : "New ids",
              hint: "Not taken as a retry; the same content is still recognised.",
            },
            {
              value: "same",
              label: one ? "The id it had" : "The ids they had",
              hint: "To see how a duplicate is taken.",
            },
          ]}
        />
        {refused === "perhaps" && (
          <Checkbox
            checked={even}
            onChange={setEven}
            label="Refused ones too. Nobody knows who sent them; signed with your secret they are believed."
          />
        )}
      </form>
      {children}
      {replay.error !== null && <ErrorNote error={replay.error} title="Not sent" />}
      {forwards.error !== null && <ErrorNote error={forwards.error} title="Forwards not read" />}
    </Dialog>
  );
}
