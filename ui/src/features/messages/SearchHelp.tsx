import type { ReactElement } from "react";
import { Popover } from "../../parts/Popover";
import s from "./SearchHelp.module.css";

const EXAMPLES = [
  ["type:user.* status:refused", "Refused messages about users"],
  ["email:ada@", "About an address that begins so"],
  ["email:@acme.com", "About addresses of a domain"],
  ['after:"2 days ago" -type:session.*', "Since then, sessions left out"],
  ["is:duplicate OR has:error", "Either of the two"],
  ["larger:10k", "Large bodies"],
  ['body:"exact words"', "Words of the body, in this order"],
  ["is:pinned", "What you pinned"],
] as const;

/** A few searches to learn from; pressing one carries it out. */
export function SearchHelp({
  trigger,
  onPick,
}: {
  trigger: ReactElement;
  onPick: (query: string) => void;
}) {
  return (
    <Popover trigger={trigger} title="How to search" defaultOpen>
      {(close) => (
        <>
          <p className={s.lead}>
            Words look into everything; a field narrows. All have to fit; <code>OR</code>, brackets
            and <code>-</code> do what they do elsewhere, and quotes hold words together. A status
            by itself, such as <code>refused</code>, is that status; in quotes it is a word.
          </p>
          <ul className={s.examples}>
            {EXAMPLES.map(([query, words]) => (
              <li key={query}>
                <button
                  type="button"
                  className={s.example}
                  onClick={() => {
                    close();
                    onPick(query);
                  }}
                >
                  <code>{query}</code>
                  <span className={s.words}>{words}</span>
                </button>
              </li>
            ))}
          </ul>
          <p className={s.fields}>
            Fields: type, status, endpoint, reason, email, user, id, body, before, after, larger,
            smaller, is, has. Type the first letters and press Tab.
          </p>
        </>
      )}
    </Popover>
  );
}
