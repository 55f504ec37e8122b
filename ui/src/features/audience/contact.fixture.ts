import type { ContactDetail } from "../../ipc/gen/ContactDetail";
import type { ContactRow } from "../../ipc/gen/ContactRow";

/** Contact number `id`; every third is unsubscribed. */
export function contact(id: number, rest: Partial<ContactRow> = {}): ContactRow {
  return {
    id,
    environmentId: 1,
    email: `person${id}@example.com`,
    userId: `user_${id}`,
    firstName: "Person",
    lastName: String(id),
    userGroup: id % 2 === 0 ? "Waitlist" : null,
    lists: [],
    source: "Clerk webhook",
    subscribed: id % 3 !== 0,
    createdAt: Date.UTC(2026, 10, 1),
    updatedAt: Date.UTC(2026, 10, 20),
    ...rest,
  };
}

export function detail(row: ContactRow, rest: Partial<ContactDetail> = {}): ContactDetail {
  return {
    ...row,
    listIds: [],
    deletedInClerkAt: null,
    waitlistStatus: null,
    edited: [],
    raw: '{\n  "id": "user_1"\n}',
    rawMessageId: 31,
    ...rest,
  };
}
