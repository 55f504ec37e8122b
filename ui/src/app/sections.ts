import type { ReactNode } from "react";
import type { Counts } from "../ipc/gen/Counts";
import {
  IconAudience,
  IconEndpoints,
  IconEvents,
  IconMessages,
  IconSettings,
} from "../parts/icons";

export interface Section {
  to: "/messages" | "/audience" | "/events" | "/endpoints" | "/settings";
  label: string;
  icon: (props: { size?: number }) => ReactNode;
  count?: keyof Counts;
}

/** The sections in the order of their keys. */
export const inbox: readonly Section[] = [
  { to: "/messages", label: "Messages", icon: IconMessages, count: "messages" },
  { to: "/audience", label: "Audience", icon: IconAudience, count: "contacts" },
  { to: "/events", label: "Events", icon: IconEvents, count: "events" },
];

export const setUp: readonly Section[] = [
  { to: "/endpoints", label: "Endpoints", icon: IconEndpoints, count: "endpoints" },
  { to: "/settings", label: "Settings", icon: IconSettings },
];

export const sections: readonly Section[] = [...inbox, ...setUp];
