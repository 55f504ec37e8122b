import { Combobox } from "@base-ui/react/combobox";
import { useState } from "react";
import { useAct, useRpc } from "../ipc/hooks";
import { IconCheck, IconClose, IconPlus } from "./icons";
import styles from "./ListPicker.module.css";

interface Option {
  id: number;
  name: string;
}

/** Id of the option that stands for "create what was typed". */
const CREATE = 0;

/** Chooses mailing lists; typing a name that does not exist offers to create it. */
export function ListPicker(props: {
  environmentId: number;
  value: readonly number[];
  onChange: (ids: number[]) => void;
  onProblem?: (error: unknown) => void;
  id?: string;
  "aria-describedby"?: string | undefined;
  "aria-invalid"?: boolean | undefined;
}) {
  const { environmentId, value, onChange, onProblem, ...control } = props;
  const lists = useRpc("lists", "list", { environmentId });
  const add = useAct("lists", "add", { toastError: onProblem === undefined });
  const [text, setText] = useState("");
  const [made, setMade] = useState<readonly Option[]>([]);

  const known: Option[] = [...(lists.data ?? [])];
  for (const one of made) if (!known.some((list) => list.id === one.id)) known.push(one);
  const chosen = value.map((id) => known.find((list) => list.id === id) ?? { id, name: "…" });
  const name = text.trim();
  const exists = known.some((list) => list.name.toLowerCase() === name.toLowerCase());
  const items = name && !exists ? [...known, { id: CREATE, name }] : known;

  function choose(next: Option[]) {
    const ids = next.filter((one) => one.id !== CREATE).map((one) => one.id);
    setText("");
    if (ids.length === next.length) return onChange(ids);
    add.mutate(
      { environmentId, name },
      {
        onSuccess: (list) => {
          setMade((all) => [...all, list]);
          onChange(ids.includes(list.id) ? ids : [...ids, list.id]);
        },
        onError: (error) => onProblem?.(error),
      },
    );
  }

  return (
    <Combobox.Root
      multiple
      items={items}
      value={chosen}
      onValueChange={choose}
      inputValue={text}
      onInputValueChange={setText}
      itemToStringLabel={(list: Option) => list.name}
      isItemEqualToValue={(a: Option, b: Option) => a.id === b.id}
      autoHighlight
    >
      <Combobox.InputGroup className={styles.box}>
        <Combobox.Chips className={styles.chips}>
          {chosen.map((list) => (
            <Combobox.Chip key={list.id} className={styles.chip} aria-label={list.name}>
              {list.name}
              <Combobox.ChipRemove className={styles.remove} aria-label={`Remove ${list.name}`}>
                <IconClose size={12} />
              </Combobox.ChipRemove>
            </Combobox.Chip>
          ))}
          <Combobox.Input
            {...control}
            className={styles.input}
            placeholder={chosen.length ? "" : "Type a name"}
          />
        </Combobox.Chips>
      </Combobox.InputGroup>
      <Combobox.Portal>
        <Combobox.Positioner className={styles.positioner} sideOffset={4}>
          <Combobox.Popup className={styles.popup}>
            <Combobox.Empty>
              <div className={styles.empty}>No mailing lists yet. Type a name to create one.</div>
            </Combobox.Empty>
            <Combobox.List>
              {(list: Option) => (
                <Combobox.Item key={list.id} value={list} className={styles.item}>
                  {list.id === CREATE ? (
                    <IconPlus size={14} />
                  ) : (
                    <Combobox.ItemIndicator keepMounted className={styles.check}>
                      <IconCheck size={14} />
                    </Combobox.ItemIndicator>
                  )}
                  {list.id === CREATE ? `Create “${list.name}”` : list.name}
                </Combobox.Item>
              )}
            </Combobox.List>
          </Combobox.Popup>
        </Combobox.Positioner>
      </Combobox.Portal>
    </Combobox.Root>
  );
}
