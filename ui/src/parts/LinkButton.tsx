import { createLink } from "@tanstack/react-router";
import type { ComponentProps } from "react";
import { cx } from "../lib/cx";
import { type ButtonSize, type ButtonVariant, buttonClass } from "./Button";

interface AnchorProps extends ComponentProps<"a"> {
  variant?: ButtonVariant | undefined;
  size?: ButtonSize | undefined;
}

function Anchor({ variant, size, className, ...rest }: AnchorProps) {
  return <a {...rest} className={cx(buttonClass(variant, size), className)} />;
}

/** A link that looks like a button. */
export const LinkButton = createLink(Anchor);
