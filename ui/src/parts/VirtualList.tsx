import { useVirtualizer } from "@tanstack/react-virtual";
import {
  type CSSProperties,
  type KeyboardEvent,
  type ReactNode,
  type Ref,
  useCallback,
  useEffect,
  useId,
  useImperativeHandle,
  useMemo,
  useRef,
} from "react";
import { cx } from "../lib/cx";
import { screenElement } from "../lib/focus";
import { isMac, useHotkey, written } from "../lib/keys";
import s from "./VirtualList.module.css";

export interface VirtualListHandle {
  scrollToTop: () => void;
  focus: () => void;
}

export interface VirtualListProps<T> {
  rows: readonly T[];
  /** Height of every row in px. */
  rowHeight: number;
  rowKey: (row: T) => string | number;
  renderRow: (row: T, state: { selected: boolean; index: number }) => ReactNode;
  selectedKey: string | number | null | undefined;
  onSelect: (row: T, index: number) => void;
  /** Enter or a double click. */
  onOpen?: ((row: T) => void) | undefined;
  label: string;
  /** Asked for when the end comes near. */
  onEndReached?: (() => void) | undefined;
  footer?: ReactNode;
  /** Head of a grid, made of HeadCells; stays on top. */
  header?: ReactNode;
  headerHeight?: number | undefined;
  /** The list was scrolled to this distance from its top in px. */
  onMove?: ((top: number) => void) | undefined;
  role?: "listbox" | "grid" | undefined;
  /** Column widths of a grid, as in grid-template-columns. */
  columns?: string | undefined;
  /**
   * Rows selected for an act on several. With `onPick`, shift and mod clicks and shift with arrows
   * select more than the one row that is shown.
   */
  picked?: ReadonlySet<string | number> | undefined;
  onPick?: ((keys: ReadonlySet<string | number>) => void) | undefined;
  /** False where another list on the screen owns j and k. */
  keys?: boolean | undefined;
  apiRef?: Ref<VirtualListHandle> | undefined;
  className?: string | undefined;
}

/** More is asked for when so few rows are left below the screen. */
const AHEAD = 12;
/**
 * The same once the list was scrolled: a held Page Down takes some 300 rows a second, and a page of
 * more takes some 50 ms. A list that nobody scrolls has nothing looked for in vain.
 */
const AHEAD_MOVING = 100;
const NOTHING: ReadonlySet<string | number> = new Set();

/** A long list that draws only what is seen. Rows have one fixed height. */
export function VirtualList<T>(props: VirtualListProps<T>) {
  const { rows, rowHeight, rowKey, renderRow, selectedKey, onSelect, onOpen, label, onEndReached } =
    props;
  const {
    footer,
    header,
    headerHeight = 0,
    onMove,
    role = "listbox",
    columns,
    picked = NOTHING,
    onPick,
    keys = true,
    apiRef,
    className,
  } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const focusable = useRef<HTMLDivElement>(null);
  const prefix = useId();
  const selectedIndex = useMemo(
    () =>
      selectedKey === null || selectedKey === undefined
        ? -1
        : rows.findIndex((row) => rowKey(row) === selectedKey),
    [rows, rowKey, selectedKey],
  );
  // A new function would have the places of all rows computed anew, in each frame.
  const getItemKey = useCallback(
    (index: number) => {
      const row = rows[index];
      return row === undefined ? index : rowKey(row);
    },
    [rows, rowKey],
  );

  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey,
    // A page of the list of messages, so that Page Down finds its rows drawn.
    overscan: 12,
    scrollMargin: headerHeight,
    scrollPaddingStart: headerHeight,
    // Rows are drawn in the frame that scrolls to them: after it, a jump would show none for a moment.
    useFlushSync: true,
  });

  const items = virtualizer.getVirtualItems();
  const lastSeen = items.at(-1)?.index ?? -1;
  const ahead = (items[0]?.index ?? 0) > 0 ? AHEAD_MOVING : AHEAD;
  useEffect(() => {
    if (lastSeen >= rows.length - ahead && rows.length > 0) onEndReached?.();
  }, [lastSeen, rows.length, ahead, onEndReached]);

  useImperativeHandle(apiRef, () => ({
    scrollToTop: () => {
      scroller.current?.scrollTo({ top: 0 });
    },
    focus: () => focusable.current?.focus({ preventScroll: true }),
  }));

  const anchor = useRef<string | number | null>(null);
  const put = (index: number): boolean => {
    const at = Math.max(0, Math.min(rows.length - 1, index));
    const row = rows[at];
    if (row === undefined) return false;
    onSelect(row, at);
    virtualizer.scrollToIndex(at, { align: "auto" });
    return true;
  };
  const forget = () => {
    anchor.current = null;
    if (picked.size > 0) onPick?.(NOTHING);
  };
  const go = (index: number) => {
    if (put(index)) forget();
  };
  const reach = (index: number) => {
    const to = Math.max(0, Math.min(rows.length - 1, index));
    const known = rows.findIndex((row) => rowKey(row) === anchor.current);
    const from = known >= 0 ? known : selectedIndex >= 0 ? selectedIndex : to;
    const first = rows[from];
    if (first === undefined) return;
    anchor.current = rowKey(first);
    onPick?.(new Set(rows.slice(Math.min(from, to), Math.max(from, to) + 1).map(rowKey)));
    put(to);
  };
  const toggle = (index: number) => {
    const row = rows[index];
    if (row === undefined) return;
    const next = new Set(picked);
    const current = rows[selectedIndex];
    if (next.size === 0 && current !== undefined) next.add(rowKey(current));
    anchor.current = rowKey(row);
    if (!next.delete(anchor.current)) {
      next.add(anchor.current);
      onSelect(row, index);
    }
    onPick?.(next);
  };

  const page = () =>
    Math.max(1, Math.floor((scroller.current?.clientHeight ?? rowHeight * 10) / rowHeight) - 1);
  // Else Enter would go to what had the focus before.
  const come = (index: number) => {
    go(index);
    focusable.current?.focus({ preventScroll: true });
  };
  useHotkey("j", () => come(selectedIndex + 1), { enabled: keys });
  useHotkey("k", () => come(selectedIndex < 0 ? 0 : selectedIndex - 1), { enabled: keys });
  const onBody = (run: () => void) => (event: globalThis.KeyboardEvent) => {
    if (event.target === document.body || event.target === screenElement()) run();
  };
  useHotkey(
    "arrowdown",
    onBody(() => go(selectedIndex + 1)),
    { enabled: keys },
  );
  useHotkey(
    "arrowup",
    onBody(() => go(selectedIndex < 0 ? 0 : selectedIndex - 1)),
    { enabled: keys },
  );

  const moveFor = (key: string): (() => void) | undefined => {
    switch (key) {
      case "ArrowDown":
        return () => go(selectedIndex + 1);
      case "ArrowUp":
        return () => go(selectedIndex < 0 ? 0 : selectedIndex - 1);
      case "Home":
        return () => go(0);
      case "End":
        return () => go(rows.length - 1);
      case "PageDown":
        return () => go(selectedIndex + page());
      case "PageUp":
        return () => go(selectedIndex - page());
      case "Enter":
        return () => {
          const row = rows[selectedIndex];
          if (row !== undefined) onOpen?.(row);
        };
      default:
        return undefined;
    }
  };

  useHotkey("shift+arrowdown", () => reach(selectedIndex + 1), { enabled: keys && !!onPick });
  useHotkey("shift+arrowup", () => reach(Math.max(0, selectedIndex - 1)), {
    enabled: keys && !!onPick,
  });

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.shiftKey && onPick !== undefined && event.key.startsWith("Arrow")) return;
    if (written(event.nativeEvent) === "mod+a" && onPick !== undefined) {
      event.preventDefault();
      onPick(new Set(rows.map(rowKey)));
      return;
    }
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey)
      return;
    const move = moveFor(event.key);
    if (move === undefined) return;
    event.preventDefault();
    move();
  };

  const grid = role === "grid";
  const body = items.map((item) => {
    const row = rows[item.index];
    if (row === undefined) return null;
    const shown = item.index === selectedIndex;
    const selected = picked.size > 0 ? picked.has(rowKey(row)) : shown;
    const style: CSSProperties = {
      height: rowHeight,
      transform: `translateY(${item.start - headerHeight}px)`,
    };
    if (grid && columns !== undefined) style.gridTemplateColumns = columns;
    return (
      // biome-ignore lint/a11y/useKeyWithClickEvents: the list takes the keyboard
      // biome-ignore lint/a11y/useAriaPropsSupportedByRole: an option and a row both can be selected
      // biome-ignore lint/a11y/noStaticElementInteractions: it is an option or a row
      <div
        key={item.key}
        id={`${prefix}-${item.index}`}
        role={grid ? "row" : "option"}
        aria-selected={selected}
        {...(grid
          ? { "aria-rowindex": item.index + 2 }
          : { "aria-posinset": item.index + 1, "aria-setsize": rows.length })}
        className={cx(s.row, grid && s.cells, selected && s.selected)}
        style={style}
        onClick={(event) => {
          if (
            event.target instanceof Element &&
            event.target.closest("a,button,input,[role=checkbox]")
          )
            return;
          if (onPick !== undefined && event.shiftKey) return reach(item.index);
          if (onPick !== undefined && (isMac ? event.metaKey : event.ctrlKey))
            return toggle(item.index);
          onSelect(row, item.index);
          forget();
        }}
        onMouseDown={(event) => {
          if (onPick !== undefined && event.shiftKey) event.preventDefault();
        }}
        onDoubleClick={() => onOpen?.(row)}
      >
        {renderRow(row, { selected: shown, index: item.index })}
      </div>
    );
  });
  const active = selectedIndex >= 0 && items.some((item) => item.index === selectedIndex);
  const height = { height: virtualizer.getTotalSize() };

  return (
    <div
      ref={scroller}
      className={cx(s.scroller, className)}
      onScroll={(e) => onMove?.(e.currentTarget.scrollTop)}
    >
      {/* biome-ignore lint/a11y/useAriaPropsSupportedByRole: a listbox and a grid both have a name */}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: it is a listbox or a grid */}
      <div
        ref={focusable}
        role={role}
        aria-label={label}
        tabIndex={0}
        {...(grid ? { "aria-rowcount": rows.length + 1 } : {})}
        {...(onPick === undefined ? {} : { "aria-multiselectable": true })}
        {...(active ? { "aria-activedescendant": `${prefix}-${selectedIndex}` } : {})}
        onKeyDown={onKeyDown}
        className={s.list}
        style={grid ? undefined : height}
      >
        {header !== undefined && (
          // biome-ignore lint/a11y/useSemanticElements: a virtual grid cannot be a table
          <div role="rowgroup" className={s.head} style={{ height: headerHeight }}>
            {/* biome-ignore lint/a11y/useFocusableInteractive: only its buttons are reached */}
            {/* biome-ignore lint/a11y/useSemanticElements: a virtual grid cannot be a table */}
            <div
              role="row"
              aria-rowindex={1}
              className={s.headRow}
              style={{ gridTemplateColumns: columns }}
            >
              {header}
            </div>
          </div>
        )}
        {grid ? (
          // biome-ignore lint/a11y/useSemanticElements: a virtual grid cannot be a table
          <div role="rowgroup" className={s.list} style={height}>
            {body}
          </div>
        ) : (
          body
        )}
      </div>
      {footer}
    </div>
  );
}

/** One cell of a grid row. */
export function Cell({
  children,
  className,
}: {
  children?: ReactNode;
  className?: string | undefined;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a virtual grid cannot be a table
    // biome-ignore lint/a11y/useFocusableInteractive: the grid holds the focus
    <div role="gridcell" className={cx(s.cell, className)}>
      {children}
    </div>
  );
}

/** One cell of a grid's head; a button when it sorts. */
export function HeadCell({
  children,
  sort,
  onSort,
}: {
  children: ReactNode;
  sort?: "ascending" | "descending" | undefined;
  onSort?: (() => void) | undefined;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a virtual grid cannot be a table
    // biome-ignore lint/a11y/useFocusableInteractive: the button in it is reached
    <div role="columnheader" aria-sort={sort} className={s.cell}>
      {onSort === undefined ? (
        children
      ) : (
        <button type="button" className={s.sort} onClick={onSort}>
          {children}
          {sort !== undefined && <span aria-hidden="true">{sort === "ascending" ? "↑" : "↓"}</span>}
        </button>
      )}
    </div>
  );
}
