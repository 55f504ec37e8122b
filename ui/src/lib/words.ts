const FIELDS: Record<string, string> = {
  email: "Email",
  userId: "User ID",
  firstName: "First name",
  lastName: "Last name",
  userGroup: "User group",
  lists: "Mailing lists",
  source: "Source",
  subscribed: "Subscribed",
  waitlist: "Waitlist",
};

/** The label of a contact field, for people. */
export function fieldLabel(field: string): string {
  return FIELDS[field] ?? field;
}

/** "1 contact", "2 contacts". */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en-US")} ${n === 1 ? one : many}`;
}
