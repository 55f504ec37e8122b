import type { ValueLink } from "../../parts/JsonView";

/** What Clerk's dashboard has a page for, by the beginning of its id. */
const PAGES: Record<string, { path: string; what: string }> = {
  user_: { path: "users", what: "user" },
  org_: { path: "organizations", what: "organization" },
};

/** Of the instance every message speaks. */
const OF_ALL = "ins_";
const CLERK_ID = /^([a-z]{2,10}_)[0-9A-Za-z]{20,40}$/;
const EMAIL = /^[^\s@"\\]+@[^\s@"\\]+\.[^\s@"\\]+$/;

/**
 * Where a value of a payload leads: users and addresses to their contacts, any of Clerk's ids to the
 * messages that name it, and users and organizations to Clerk's dashboard too. The dashboard is asked
 * for by way of the app that was open last in it, since no message says which app it belongs to.
 * Test events are about nobody whom Clerk knows.
 */
export function linksOf(value: string, { test }: { test: boolean }): readonly ValueLink[] {
  const audience = { label: "Look for it in Audience", to: "/audience", search: { q: value } };
  const messages = {
    label: "Messages that name it",
    to: "/messages",
    search: { q: `"${value}"` },
  };
  if (EMAIL.test(value)) return [audience, messages];
  const start = CLERK_ID.exec(value)?.[1];
  if (start === undefined || start === OF_ALL) return [];
  const links: ValueLink[] = start === "user_" ? [audience, messages] : [messages];
  const page = PAGES[start];
  if (page !== undefined && !test) {
    links.push({
      label: `Open the ${page.what} in Clerk's dashboard`,
      href: `https://dashboard.clerk.com/last-active?path=${page.path}/${value}`,
    });
  }
  return links;
}
