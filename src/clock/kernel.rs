//! The kernel's status of its clock (`adjtimex(2)`): whether it is synchronized, and the next leap second.

use tsa::KernelClock;

/// `None` where the kernel does not say: another system than Linux, or a sandbox that forbids the call.
#[cfg(target_os = "linux")]
pub(super) fn clock() -> Option<KernelClock> {
    use std::time::Duration;

    use tsa::Leap;

    /// The status bits of `<linux/timex.h>`.
    const STA_INS: i32 = 0x0010;
    const STA_DEL: i32 = 0x0020;
    const STA_UNSYNC: i32 = 0x0040;

    // All zero: nothing is changed, only read.
    let mut answer = rtime_clock::adjtime::Timex::new();
    rtime_clock::adjtime::adjtimex(&mut answer).ok()?;
    let (status, max_error) = (answer.0.status, answer.0.maxerror);
    Some(KernelClock {
        is_synchronized: status & STA_UNSYNC == 0,
        max_error: Duration::from_micros(max_error.try_into().unwrap_or(u64::MAX)),
        leap: match status & (STA_INS | STA_DEL) {
            STA_INS => Some(Leap::Insert),
            STA_DEL => Some(Leap::Delete),
            _ => None,
        },
    })
}

/// `None`: only Linux has this call.
#[cfg(not(target_os = "linux"))]
pub(super) fn clock() -> Option<KernelClock> {
    None
}
