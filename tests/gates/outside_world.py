# SPDX-License-Identifier: BSL-1.0
"""Only include/mantis/platform names a std mutex, thread, clock, random source or atomic, an OS
header or an OS call."""

import re

import gate

FREE = ("platform", "ext")
OS_HEADERS = re.compile(
    r"(sys|linux|arpa|netinet|asm)/.*|ctime|csignal|cerrno|"
    r"(unistd|fcntl|pthread|dirent|signal|poll|sched|dlfcn|time|semaphore|errno|spawn|pwd|grp|"
    r"utime|"
    r"ftw|glob|syslog|termios)\.h"
)
STD_HEADERS = re.compile(
    r"mutex|shared_mutex|thread|stop_token|condition_variable|chrono|random|future|semaphore|latch|"
    r"barrier|fstream|"
    r"filesystem"
)
NAMES = (
    (
        "lock",
        r"\bstd\s*::\s*(\w*mutex|lock_guard|unique_lock|shared_lock|scoped_lock|call_once|"
        r"once_flag)\b",
    ),
    (
        "thread",
        r"\bstd\s*::\s*(j?thread|this_thread|condition_variable\w*|async|future|promise|"
        r"counting_semaphore|"
        r"binary_semaphore|latch|barrier)\b",
    ),
    (
        "clock",
        r"\bstd\s*::\s*(chrono|time|clock|time_t)\b|"
        r"\b(clock_gettime|gettimeofday|nanosleep|usleep)\s*\(",
    ),
    (
        "random source",
        r"\bstd\s*::\s*(random_device|mt19937\w*|minstd_rand\w*|default_random_engine|rand|srand|"
        r"uniform_\w+_distribution)\b|\b(getrandom|getentropy|rdrand\w*)\s*\(",
    ),
    ("atomic", r"\bstd\s*::\s*(atomic|atomic_\w+)\b|\b__atomic_\w+|\b__sync_\w+"),
    ("file stream", r"\bstd\s*::\s*([io]?fstream|fopen|FILE|filesystem)\b"),
    (
        "OS call",
        r"(?<![\w:>.])::\s*(open|openat|close|read|write|pread\w*|pwrite\w*|fsync|fdatasync|"
        r"rename|unlink|mkdir|flock|fcntl|fallocate|ftruncate|stat|fstat|lstat|mmap|munmap|getpid|"
        r"kill|fork|syscall)\s*\(|"
        r"\b(pthread|posix|sched|sem)_\w+\s*\(",
    ),
)


def judge(root, header):
    problems = []
    for line, _, name, inside in gate.includes(root, header):
        if inside is None and (OS_HEADERS.fullmatch(name) or STD_HEADERS.fullmatch(name)):
            problems.append(f"include/{header}:{line}: <{name}> belongs to platform/")
    text = gate.without_comments((root / "include" / header).read_text(errors="replace"))
    for what, pattern in NAMES:
        for found in re.finditer(pattern, text):
            place = f"include/{header}:{gate.line_of(text, found.start())}"
            problems.append(
                f"{place}: {found[0].strip()}: {what}, which comes from the platform policy"
            )
    return problems


def check(root):
    return {
        f"outside world in {header}": judge(root, header)
        for header in gate.headers(root)
        if gate.floor_name(header) not in FREE
    }


BAD = tuple(
    (
        what,
        {"include/mantis/wal/a.hpp": f"namespace mantis {{\n{line}\n}}\n"},
        f"include/mantis/wal/a.hpp:2: {said}",
    )
    for what, line, said in (
        ("a std::mutex", "std::mutex latch;", "std::mutex: lock"),
        ("a std::thread", "inline std::thread started;", "std::thread: thread"),
        ("a std::atomic", "std::atomic<int> count;", "std::atomic: atomic"),
        ("a std::atomic_ref", "std::atomic_ref<int> count;", "std::atomic_ref: atomic"),
        (
            "a clock of <chrono>",
            "auto now = std::chrono::steady_clock::now();",
            "std::chrono: clock",
        ),
        ("a random engine", "std::mt19937_64 random;", "std::mt19937_64: random source"),
        ("an OS call", "int made = ::fsync(3);", "::fsync(: OS call"),
        ("a pthread call", "int made = pthread_create();", "pthread_create(: OS call"),
        ("an OS header", "#include <fcntl.h>", "<fcntl.h> belongs to platform/"),
        ("a header of sys", "#include <sys/stat.h>", "<sys/stat.h> belongs to platform/"),
        ("the header of mutexes", "#include <mutex>", "<mutex> belongs to platform/"),
    )
)
GOOD = (
    (
        "platform may, others speak of it",
        {
            "include/mantis/platform/posix.hpp": "#include <fcntl.h>\nstd::mutex latch;\n",
            "include/mantis/wal/a.hpp": '// not a std::mutex\nauto text = "std::mutex";\n'
            "file.open(1); p.read(2); a::open();\n"
            "std::memory_order_relaxed;\n",
        },
    ),
)

if __name__ == "__main__":
    gate.main(check, BAD, GOOD)
