/** Figures as people read them; controlplane/core/formatting.py has the same rules. */

export const EMPTY = "-";
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;
const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"];

/** 12,345 or 1,234 or 0.125; numbers beyond 2^53 are not what they were: null for those. */
export function formatNumber(value) {
    if (value === null || value === undefined) return EMPTY;
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (typeof value !== "number") return String(value);
    if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return null;
    if (Number.isInteger(value) || Math.abs(value) >= 100) return group(Math.round(value));
    return value.toFixed(3).replace(/0+$/, "").replace(/\.$/, "");
}

/** 95%, for a share of 1. */
export function formatPercent(share) {
    if (share === null || share === undefined) return EMPTY;
    const text = `${Math.round(share * 100)}%`;
    if ((text === "100%" && share < 1) || (text === "0%" && share > 0)) {
        return share >= 0.001 ? `${(Math.min(share, 0.999) * 100).toFixed(1)}%` : "<0.1%";
    }
    return text;
}

/** 40 ms, 2.5 s, 42 s, 3 min 20 s, 2 h 5 min, 3 d 4 h. */
export function formatDuration(seconds) {
    if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return EMPTY;
    const positive = Math.max(0, seconds);
    if (positive < 0.9995) return `${Math.round(positive * 1000)} ms`;
    if (positive < 9.95) return `${positive.toFixed(1)} s`;
    const whole = Math.round(positive);
    if (whole < MINUTE) return `${whole} s`;
    if (whole < HOUR) return twoUnits(whole, MINUTE, "min", 1, "s");
    if (whole < DAY) return twoUnits(whole, HOUR, "h", MINUTE, "min");
    return twoUnits(whole, DAY, "d", HOUR, "h");
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
    return `${Math.abs(size) < 9.95 ? size.toFixed(1) : group(Math.round(size))} ${SIZES[unit]}`;
}

/** now, 5 min ago, in 3 h; both in milliseconds since 1970. */
export function formatRelative(moment, at) {
    if (!Number.isFinite(moment) || !Number.isFinite(at)) return EMPTY;
    const seconds = (moment - at) / 1000;
    const distance = Math.abs(seconds);
    if (distance < 1) return "now";
    let text = `${Math.floor(distance / DAY)} d`;
    if (distance < MINUTE) text = `${Math.floor(distance)} s`;
    else if (distance < HOUR) text = `${Math.floor(distance / MINUTE)} min`;
    else if (distance < 2 * DAY) text = `${Math.floor(distance / HOUR)} h`;
    return seconds > 0 ? `in ${text}` : `${text} ago`;
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
    number: formatNumber,
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

function twoUnits(whole, unit, name, smaller, smallerName) {
    const rest = Math.floor((whole % unit) / smaller);
    const text = `${group(Math.floor(whole / unit))} ${name}`;
    return rest ? `${text} ${rest} ${smallerName}` : text;
}
