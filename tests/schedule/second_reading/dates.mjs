// Reads [[dtstart, rule, count], …] from standard input and writes the dates that ical.js finds for each.
import { readFileSync } from "node:fs";
import ICAL from "ical.js";

const dates = ([begin, rule, count]) => {
  const found = [];
  const iterator = ICAL.Recur.fromString(rule).iterator(ICAL.Time.fromDateTimeString(begin));
  for (let next = iterator.next(); next && found.length < count && next.year < 2100; next = iterator.next()) {
    found.push(next.toString());
  }
  return found;
};
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(dates)));
