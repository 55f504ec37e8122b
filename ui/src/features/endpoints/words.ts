import type { EndpointState } from "../../ipc/gen/EndpointState";
import type { OnDelete } from "../../ipc/gen/OnDelete";
import type { Tone } from "../../lib/outcome";

/** An endpoint's state as people read it. */
export const STATE: Record<EndpointState, { word: string; tone: Tone; means: string }> = {
  needsSecret: {
    word: "Needs secret",
    tone: "amber",
    means: "Messages are kept but refused until the signing secret is here.",
  },
  waiting: { word: "Waiting", tone: "amber", means: "Ready. Nothing has arrived yet." },
  receiving: { word: "Receiving", tone: "green", means: "The last message was accepted." },
  failing: { word: "Failing", tone: "red", means: "The last message was refused." },
  paused: {
    word: "Paused",
    tone: "grey",
    means: "Messages are kept and wait until you resume.",
  },
};

/** What `user.deleted` may do, in the order offered. */
export const ON_DELETE: readonly { value: OnDelete; label: string; does: string; hint: string }[] =
  [
    {
      value: "unsubscribe",
      label: "Unsubscribe",
      does: "Unsubscribe the contact",
      hint: "The contact stays, without mail.",
    },
    {
      value: "delete",
      label: "Delete",
      does: "Delete the contact",
      hint: "The contact leaves the audience.",
    },
    {
      value: "leave",
      label: "Leave",
      does: "Leave the contact as it is",
      hint: "The contact stays as it is.",
    },
  ];

/** What an event does, beside its toggle. */
export function eventDoes(
  event: string,
  options: { userGroup: string | null; onDelete: OnDelete },
): string {
  if (event === "user.deleted") {
    return ON_DELETE.find((choice) => choice.value === options.onDelete)?.does ?? "";
  }
  const base = event === "user.updated" || event === "waitlistEntry.updated";
  const does = base ? "Update the contact" : "Create or update the contact";
  return options.userGroup ? `${does}, group ${options.userGroup}` : does;
}

/** Whether Clerk sends names with this event. */
export function hasNames(event: string): boolean {
  return event === "user.created" || event === "user.updated";
}

/** A percentage with one decimal; "100 %" and "0 %" only when they are exact. */
export function share(part: number, whole: number): string {
  if (part === whole) return "100 %";
  if (part === 0) return "0 %";
  const value = Math.min(99.9, Math.max(0.1, Math.round((part / whole) * 1000) / 10));
  return `${value.toFixed(1)} %`;
}
