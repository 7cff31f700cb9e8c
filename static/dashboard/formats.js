/** Figures as people read them; controlplane/core/formatting.py has the same rules. */

export const EMPTY = "–";
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;
const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"];
const COMPACT_FROM = 100000;
const THOUSANDS = ["", "k", "M", "G", "T"];

/** 12,345 or 1,234 or 0.125; numbers beyond 2^53 are not what they were: null for those. */
export function formatNumber(value) {
    if (value === null || value === undefined) return EMPTY;
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (typeof value !== "number") return String(value);
    if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return null;
    if (Number.isInteger(value)) return group(value);
    if (Math.abs(value) >= 100) return group(round(value));
    return (round(value * 1000) / 1000).toFixed(3).replace(/0+$/, "").replace(/\.$/, "");
}

/** 12,345, without decimals. */
export function formatWhole(value) {
    return value === null || value === undefined ? EMPTY : group(round(value));
}

/** 12,345; from 100,000 in thousands: 128 k, 1.3 M. The exact number belongs into a title. */
export function formatCompact(value) {
    const isLarge = typeof value === "number" && Math.abs(value) >= COMPACT_FROM;
    if (!isLarge || Math.abs(value) > Number.MAX_SAFE_INTEGER) return formatNumber(value);
    let scaled = value;
    let unit = 0;
    while (Math.abs(scaled) >= 999.5 && unit < THOUSANDS.length - 1) {
        scaled /= 1000;
        unit += 1;
    }
    const shown = Math.abs(scaled) < 9.95 ? oneDecimal(scaled) : group(round(scaled));
    return `${shown} ${THOUSANDS[unit]}`;
}

/** 24.6 %, for a share of 1; only exactly 1 is 100 %, only exactly 0 is 0 %. */
export function formatPercent(share) {
    if (share === null || share === undefined) return EMPTY;
    if (share > 0 && share < 0.001) return "<0.1 %";
    const percent = share * 100;
    if (isWhole(percent)) return `${group(round(percent))} %`;
    return `${oneDecimal(share < 1 ? Math.min(percent, 99.9) : percent)} %`;
}

/** 840 ms, 12.4 s, 3 min 05 s, 2 h 05 min, 3 d 4 h. */
export function formatDuration(seconds) {
    if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return EMPTY;
    const positive = Math.max(0, seconds);
    if (positive < 0.9995) return `${round(positive * 1000)} ms`;
    if (positive < 59.95) return `${isWhole(positive) ? round(positive) : oneDecimal(positive)} s`;
    const whole = round(positive);
    if (whole < HOUR) return twoUnits(whole, MINUTE, "min", 1, "s", 2);
    if (whole < DAY) return twoUnits(whole, HOUR, "h", MINUTE, "min", 2);
    return twoUnits(whole, DAY, "d", HOUR, "h", 1);
}

/** 512 B, 3.4 KiB, 210 MiB. */
export function formatSize(bytes) {
    if (bytes === null || bytes === undefined) return EMPTY;
    let size = bytes;
    let unit = 0;
    while (Math.abs(size) >= 1023.5 && unit < SIZES.length - 1) {
        size /= 1024;
        unit += 1;
    }
    if (unit === 0) return `${bytes} B`;
    return `${Math.abs(size) < 9.95 ? oneDecimal(size) : group(round(size))} ${SIZES[unit]}`;
}

/** now, 5 min ago, in 2 h 05 min, from a day on the date; both in milliseconds since 1970. */
export function formatRelative(moment, at) {
    if (!Number.isFinite(moment) || !Number.isFinite(at)) return EMPTY;
    const seconds = (moment - at) / 1000;
    const distance = Math.abs(seconds);
    if (distance < 1) return "now";
    if (distance >= DAY) return `${new Date(moment).toISOString().slice(0, 16).replace("T", " ")} UTC`;
    let text;
    if (distance < MINUTE) text = `${Math.floor(distance)} s`;
    else if (distance < HOUR) text = `${Math.floor(distance / MINUTE)} min`;
    else text = twoUnits(Math.floor(distance), HOUR, "h", MINUTE, "min", 2);
    return seconds > 0 ? `in ${text}` : `${text} ago`;
}

/** The second with its zone, for a title: 2026-01-31 23:59:59 UTC. */
export function formatTime(moment) {
    if (!Number.isFinite(moment)) return EMPTY;
    return `${new Date(moment).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** The age of data in the chip: 0.8 s ago, 12 s ago, 3 min ago. */
export function formatAge(milliseconds) {
    if (!Number.isFinite(milliseconds)) return "";
    const seconds = milliseconds / 1000;
    if (seconds < 9.95) return `${seconds.toFixed(1)} s ago`;
    if (seconds < MINUTE) return `${Math.floor(seconds)} s ago`;
    if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min ago`;
    return `${Math.floor(seconds / HOUR)} h ago`;
}

/** A constant as words: Timed out for TIMED_OUT. */
export function formatState(value) {
    const words = String(value ?? EMPTY).replaceAll("_", " ").toLowerCase();
    return words.charAt(0).toUpperCase() + words.slice(1);
}

/** By the name in data-format; each takes the value and the server's time. */
export const FORMATS = {
    number: formatCompact,
    whole: formatWhole,
    percent: formatPercent,
    seconds: formatDuration,
    milliseconds: (value) => formatDuration(value === null ? null : value / 1000),
    size: formatSize,
    state: formatState,
    text: (value) => (value === null || value === undefined ? EMPTY : String(value)),
    ago: (value, at) => formatRelative(Date.parse(value), at),
    elapsed: (value, at) => formatDuration((at - Date.parse(value)) / 1000),
};

/** Formats whose text changes with the clock. */
export const TICKING = new Set(["ago", "elapsed"]);

function group(integer) {
    return String(integer).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

function twoUnits(whole, unit, name, smaller, smallerName, digits) {
    const rest = Math.floor((whole % unit) / smaller);
    const text = `${group(Math.floor(whole / unit))} ${name}`;
    return rest ? `${text} ${String(rest).padStart(digits, "0")} ${smallerName}` : text;
}

/** Halves upwards, as the server does. */
function round(value) {
    return Math.floor(value + 0.5);
}

function oneDecimal(value) {
    return (Math.floor(value * 10 + 0.5) / 10).toFixed(1);
}

/** But for what floating-point arithmetic leaves over. */
function isWhole(value) {
    return Math.abs(value - round(value)) < 1e-9;
}
