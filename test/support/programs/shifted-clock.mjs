// Preloaded (`node --import`): the wall clock of the process is CLOCK_SHIFT_HOURS ahead. Its monotonic clock is as it was, as after a wrong NTP answer.
const shift = Number(process.env.CLOCK_SHIFT_HOURS ?? 0) * 3_600_000;
const RealDate = Date;
globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    super(...(args.length === 0 ? [RealDate.now() + shift] : args));
  }

  static now() {
    return RealDate.now() + shift;
  }
};
