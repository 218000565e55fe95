/* Numbers become text as Python's `units` writes them, for what only the page adds up. */

/** A value of a quantity: figure("macs", 105415200) is "105 M"; null is not known. */
function figure(key, value, digits = 3) {
  return written(LOOKS.quantities[key][1], value, digits);
}

function written(scale, value, digits) {
  if (value === null || value === undefined || Number.isNaN(value)) return "?";
  const { base, names, factor, exact } = LOOKS.units[scale];
  const sign = value < 0 ? "−" : "";
  const size = Math.abs(value) * factor;
  if (exact && size < base) return `${sign}${size} ${names[0]}`.trimEnd();
  if (!size) return `0 ${names[names.length - 1]}`;
  const last = names.length - 1;
  let unit = exact ? 1 : 0;
  let one = base ** unit;
  while (unit < last && size >= one * base) {
    unit += 1;
    one *= base;
  }
  if (size >= one * base * 1000) {
    return `${sign}${(size / one).toExponential(digits - 1)} ${names[unit]}`;
  }
  let text = rounded(size / one, digits);
  if (unit < last && Number(text) >= base) {
    unit += 1;
    text = rounded(1, digits);
  }
  return `${sign}${text} ${names[unit]}`;
}

/** With that many significant digits, and never fewer than there are before the point. */
function rounded(x, digits) {
  for (let decimals = digits - 1; decimals > 0; decimals--) {
    const text = fixed(x, decimals);
    if (text.length <= digits + 1) return text;
  }
  return fixed(x, 0);
}

/** With so many decimals; what is halfway goes to the even digit, as Python has it. */
function fixed(x, decimals) {
  if (Math.abs((x * 2 ** (decimals + 1)) % 2) !== 1) return x.toFixed(decimals);
  const tens = 10 ** decimals;
  const below = Math.floor(x * tens);
  return ((below % 2 ? below + 1 : below) / tens).toFixed(decimals);
}

/** A share of a whole: 0.0932 is "9.3%", a trace "<0.1%". */
function percent(share) {
  return share > 0 && share < 0.0005 ? "<0.1%" : `${counted(fixed(share * 100, 1))}%`;
}

/** A whole number with its thousands apart. */
function counted(number) {
  const [whole, ...rest] = String(number).split(".");
  return [whole.replace(/\B(?=(\d{3})+$)/g, ","), ...rest].join(".");
}
