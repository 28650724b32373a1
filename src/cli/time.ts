import { InvalidArgumentError } from "commander";
import { duration } from "./context.ts";

const HOW = "It must be a time: 2026-11-21T14:03:00Z, 2026-11-21 14:03, 14:03 (the last one), or -10m.";

/**
 * A moment in the past, as people write it: ISO 8601 (local where it names no zone), `14:03` (today, or yesterday where
 * that is still to come), `-10m`. @returns ISO 8601 in UTC
 */
export function moment(text: string, nowMs = Date.now()): string {
  return new Date(momentMs(text.trim(), nowMs)).toISOString();
}

function momentMs(text: string, nowMs: number): number {
  const ago = /^-\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text);
  if (ago !== null) return nowMs - (ago[2] === "d" ? Number(ago[1]) * duration("24h") : duration(`${ago[1]}${ago[2]}`));
  if (text === "now") return nowMs;
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text);
  if (clock !== null) return lastClock(Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0), nowMs);
  // A date alone would be UTC to JavaScript, and a date with a time local.
  const iso = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00` : text.replace(/^(\d{4}-\d{2}-\d{2}) /, "$1T");
  const ms = /^\d{4}-\d{2}-\d{2}T/.test(iso) ? Date.parse(iso) : NaN;
  if (Number.isNaN(ms)) throw new InvalidArgumentError(HOW);
  return ms;
}

function lastClock(hours: number, minutes: number, seconds: number, nowMs: number): number {
  if (hours > 23 || minutes > 59 || seconds > 59) throw new InvalidArgumentError(HOW);
  const day = new Date(nowMs);
  day.setHours(hours, minutes, seconds, 0);
  if (day.getTime() > nowMs) day.setDate(day.getDate() - 1);
  return day.getTime();
}

/** `2026-11-21 14:03:07`, local. */
export function localTime(iso: string): string {
  const date = new Date(iso);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `UTC+01:00` of now. */
export function zoneName(date = new Date()): string {
  const minutes = -date.getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  return `UTC${minutes < 0 ? "-" : "+"}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
}
