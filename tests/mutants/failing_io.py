# SPDX-License-Identifier: BSL-1.0
"""Bugs in what stands between a failing disk and the store: repeating, the breaker, reading the
end of a log."""

from mutant import mutant

REPEATING = (
    mutant(
        "lock-tried-once",
        "platform/retrying.hpp",
        "[&] { return inner_.lock(); }, may_pass",
        "[&] { return inner_.lock(); }, [](const error&) { return false; }",
        "platform/retrying.cpp",
        "A signal in a bad moment makes an opening fail.",
    ),
    mutant(
        "failed-sync-made-again",
        "platform/retrying.hpp",
        "        if (!done) calls_->sync_failed(path());\n"
        "        return done;\n"
        "    }\n"
        "    [[nodiscard]] result<std::uint64_t> size() {",
        "        if (!done) done = inner_.sync();\n"
        "        return done;\n"
        "    }\n"
        "    [[nodiscard]] result<std::uint64_t> size() {",
        "store/read_faults.cpp",
        "A sync that failed succeeds the second time, without having written.",
    ),
    mutant(
        "failed-sync-forgotten",
        "platform/retrying.hpp",
        "        unsynced_.set(path, shared<nothing>::make());\n",
        "        (void)path;\n",
        "platform/retrying.cpp",
        "What the system gave up after a failed sync is read again until it looks well.",
    ),
    mutant(
        "new-file-made-twice",
        "platform/retrying.hpp",
        "        if (mode == file_mode::create_new) return inner_.open(name, mode);\n",
        "",
        "platform/retrying.cpp",
        "A file that was made and told as a failure is there already at the next attempt.",
    ),
    mutant(
        "half-a-write-repeated",
        "platform/retrying.hpp",
        "*stopped == offset;",
        "*stopped >= offset;",
        "platform/retrying.cpp",
        "A write that happened in part is made again.",
    ),
    mutant(
        "refused-write-repeated",
        "platform/retrying.hpp",
        "failed.code() == error_code::interrupted && stopped != nullptr",
        "stopped != nullptr",
        "platform/retrying.cpp",
        "A write that may have happened is made again after an I/O error.",
    ),
    mutant(
        "one-attempt-too-many",
        "core/backoff.hpp",
        "        if (attempts_left_ > 0) --attempts_left_;  // the one that failed\n",
        "",
        "core/backoff.cpp",
        "What is to be done once is done twice.",
    ),
)

BREAKER = (
    mutant(
        "two-probes-at-once",
        "platform/circuit_breaker.hpp",
        "counts_.state == breaker_state::open && clock::now() >= ends_",
        "clock::now() >= ends_",
        "platform/circuit_breaker.cpp",
        "All who wait run into what still fails, and not one of them.",
    ),
    mutant(
        "success-of-long-ago-closes",
        "platform/circuit_breaker.hpp",
        "        if (pass == breaker_pass::probe) close();\n",
        "        counts_.state = breaker_state::closed;\n",
        "platform/circuit_breaker.cpp",
        "A call that began before it all failed lets everybody in again.",
    ),
    mutant(
        "opens-to-write-refused",
        "platform/retrying.hpp",
        "        if (mode == file_mode::read) return calls_->call(world_, file_path, once);\n"
        "        return calls_->call_to_write(world_, file_path, once, may_pass);",
        "        return calls_->call(world_, file_path, once);",
        "store/read_faults.cpp",
        "A commit fails because reads did.",
    ),
)

READING = (
    mutant(
        "short-read-is-the-end",
        "wal/detail/segment_window.hpp",
        "return *got == count ? success() : check_shorter();",
        "return success();",
        "wal/reader.cpp",
        "What a read leaves out is taken for never written, and cut.",
    ),
)

MUTANTS = REPEATING + BREAKER + READING
