import type { ContactRow } from "../../ipc/gen/ContactRow";

/** First and last name, or an empty text. */
export function fullName(contact: Pick<ContactRow, "firstName" | "lastName">): string {
  return [contact.firstName, contact.lastName].filter(Boolean).join(" ");
}

/** What a contact is called: its name, else its email. */
export function called(contact: Pick<ContactRow, "firstName" | "lastName" | "email">): string {
  return fullName(contact) || contact.email;
}
