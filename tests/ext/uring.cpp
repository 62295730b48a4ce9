// SPDX-License-Identifier: BSL-1.0
//
// Skipped, and said to be, where liburing is not installed or the kernel refuses io_uring.
#include <doctest/doctest.h>

#if __has_include(<liburing.h>)

#include "../platform/conformance.hpp"
#include "../platform/scratch.hpp"

#include <mantis/ext/uring.hpp>
#include <mantis/store/store.hpp>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <csignal>
#include <cstddef>

using namespace platform_test;

static_assert(std::is_same_v<uring::mutex, posix::mutex>);
static_assert(std::is_base_of_v<posix, uring>);

namespace {

bool kernel_refuses() {
    ::io_uring tried;
    const int number = detail::set_up_ring(tried);
    if (number == 0) {
        ::io_uring_queue_exit(&tried);
        return false;
    }
    MESSAGE("skipped: the kernel refuses io_uring, errno ", number);
    return true;
}

// From here on the system call ends so, for this thread only.
void end_call(unsigned call, unsigned action) {
    ::sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const ::sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
    REQUIRE(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    REQUIRE(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

template <class Body>
void in_a_thread(Body body) {
    posix::thread thread{std::move(body)};
    thread.join();
}

std::size_t open_descriptors() {
    namespace fs = std::filesystem;
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator{"/proc/self/fd"}, fs::directory_iterator{}));
}

void refuse_call(unsigned call, unsigned number) { end_call(call, SECCOMP_RET_ERRNO | number); }

// Writes, syncs and reads through `world`, whatever serves it.
template <platform P>
void write_and_read(const P& world, const std::string& path) {
    auto in = world.open_directory(path, directory_mode::create).value();
    auto file = in.open("x", file_mode::create).value();
    file.write(5, "hello").value();
    file.sync().value();
    std::byte read[8];
    CHECK(file.read(5, read, sizeof read).value() == 5);
    CHECK(bytes_view{read, 5} == "hello");
}

// What the two platforms answer to the same call on the same file.
template <class Call>
void fails_alike(const std::string& path, const char* name, file_mode mode, Call call) {
    const auto told = [&](const auto& world) {
        auto in = world.open_directory(path, directory_mode::existing).value();
        auto file = in.open(name, mode).value();
        const auto answer = call(file);
        REQUIRE_FALSE(answer.has_value());
        return answer.error().message().template as<std::string>();
    };
    CHECK(told(uring{}) == told(posix{}));
}

class file_limit {
public:
    explicit file_limit(::rlim_t most_bytes) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const ::rlimit lower{most_bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &lower);
        before_action_ = ::signal(SIGXFSZ, SIG_IGN);
    }
    ~file_limit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        ::signal(SIGXFSZ, before_action_);
    }

private:
    ::rlimit before_;
    void (*before_action_)(int);
};

int alarms = 0;

}  // namespace

TEST_CASE("io_uring is a platform like the others") {
    if (kernel_refuses()) return;
    const scratch_directory scratch;
    uring world;
    check_conformance(world, scratch.path("uring"));
    uring_or_posix either;
    check_conformance(either, scratch.path("either"));
}

TEST_CASE("a failed call says what posix says") {
    if (kernel_refuses()) return;
    const scratch_directory scratch;
    write_and_read(posix{}, scratch.path());
    const bytes large = bytes::zeros(10'000);
    std::byte into[16];

    fails_alike(scratch.path(), "x", file_mode::read,
                [](auto& file) { return file.write(3, "never"); });
    fails_alike(scratch.path(), "x", file_mode::read,
                [&](auto& file) { return file.read(~std::uint64_t{0}, into, 16); });
    fails_alike(scratch.path(), "x", file_mode::write,
                [](auto& file) { return file.write(~std::uint64_t{0}, "never"); });
    fails_alike(scratch.path(), "x", file_mode::write,
                [](auto& file) { return file.write(std::uint64_t{1} << 63, "never"); });
    fails_alike("/dev", "full", file_mode::write,
                [](auto& file) { return file.write(0, "no space"); });
    REQUIRE(::mkfifo(scratch.path("pipe").c_str(), 0600) == 0);
    fails_alike(scratch.path(), "pipe", file_mode::write, [](auto& file) { return file.sync(); });

    auto in = uring{}.open_directory("/dev", directory_mode::existing).value();
    auto full = in.open("full", file_mode::write).value();
    CHECK(full.write(0, "no space").error().code() == error_code::no_space);

    // The first request moves a part, the next fails: the error is about the rest.
    const file_limit limited{6'000};
    fails_alike(scratch.path(), "x", file_mode::write,
                [&](auto& file) { return file.write(1'000, large); });
}

TEST_CASE("a sync that failed is told as it failed, and not asked again") {
    if (kernel_refuses()) return;
    const scratch_directory scratch;
    REQUIRE(::mkfifo(scratch.path("pipe").c_str(), 0600) == 0);
    auto in = uring{}.open_directory(scratch.path(), directory_mode::existing).value();
    auto pipe = in.open("pipe", file_mode::write).value();
    in_a_thread([&pipe] {
        refuse_call(__NR_fdatasync, ENXIO);
        const auto failed = pipe.sync();
        check_fails(failed, error_code::io);
        CHECK(*failed.error().number("errno") == EINVAL);
    });
}

TEST_CASE("signals neither fail a transfer nor leave a request behind") {
    if (kernel_refuses()) return;
    const scratch_directory scratch;
    struct sigaction action = {};
    struct sigaction before = {};
    action.sa_handler = [](int) { ++alarms; };  // no SA_RESTART
    REQUIRE(::sigaction(SIGALRM, &action, &before) == 0);
    const ::itimerval every = {{0, 500}, {0, 500}};
    REQUIRE(::setitimer(ITIMER_REAL, &every, nullptr) == 0);
    const uring world;
    auto in = world.open_directory(scratch.path(), directory_mode::create).value();
    auto file = in.open("x", file_mode::create).value();
    bytes block = bytes::zeros(MiB);
    bytes back = bytes::zeros(MiB);
    const nanoseconds give_up = world.now() + seconds(20);
    for (unsigned round = 0; alarms < 20 && world.now() < give_up; ++round) {
        block[round % MiB] = static_cast<std::byte>(round);
        const std::uint64_t at = round % 8 * MiB;
        file.write(at, block).value();
        file.sync().value();
        REQUIRE(file.read(at, back.data(), back.size()).value() == back.size());
        REQUIRE(back == block);
    }
    const ::itimerval none = {};
    ::setitimer(ITIMER_REAL, &none, nullptr);
    ::sigaction(SIGALRM, &before, nullptr);
    CHECK(alarms >= 20);
}

TEST_CASE("where the kernel refuses io_uring, uring says so and uring_or_posix works") {
    const scratch_directory scratch;
    for (const int number : {EPERM, ENOSYS})
        in_a_thread([&scratch, number] {
            refuse_call(__NR_io_uring_setup, static_cast<unsigned>(number));
            const auto refused = uring{}.open_directory(scratch.path(), directory_mode::create);
            check_fails(refused, error_code::unsupported);
            CHECK(refused.error().subject() == scratch.path());
            CHECK(*refused.error().number("errno") == static_cast<std::uint64_t>(number));
            CHECK(refused.error().message().as<std::string>().find("setting up io_uring") !=
                  std::string::npos);
            write_and_read(uring_or_posix{}, scratch.path());
        });
    in_a_thread([&scratch] {
        refuse_call(__NR_io_uring_setup, EMFILE);  // may pass: not the system's last word
        check_fails(uring{}.open_directory(scratch.path(), directory_mode::create), error_code::io);
    });
}

TEST_CASE("a thread that gets no ring makes system calls") {
    if (kernel_refuses()) return;
    const scratch_directory scratch;
    auto in = uring{}.open_directory(scratch.path(), directory_mode::create).value();
    auto file = in.open("x", file_mode::create).value();
    in_a_thread([&file] {
        refuse_call(__NR_io_uring_setup, EMFILE);
        file.write(0, "seen").value();
        file.sync().value();
    });
    std::byte read[4];
    CHECK(file.read(0, read, 4).value() == 4);
    CHECK(bytes_view{read, 4} == "seen");
}

TEST_CASE("a request that the kernel does not take is made as a system call, once") {
    if (kernel_refuses()) return;
    const scratch_directory scratch;
    auto in = uring{}.open_directory(scratch.path(), directory_mode::create).value();
    auto file = in.open("x", file_mode::create).value();
    in_a_thread([&file] {
        file.write(0, "before").value();  // by the ring
        const std::size_t with_ring = open_descriptors();
        refuse_call(__NR_io_uring_enter, EAGAIN);
        file.write(6, " and after").value();
        CHECK(open_descriptors() == with_ring - 1);
        file.sync().value();
        std::byte read[32];
        CHECK(file.read(0, read, sizeof read).value() == 16);
        CHECK(bytes_view{read, 16} == "before and after");
    });
}

TEST_CASE("threads that end leave no ring behind") {
    if (kernel_refuses()) return;
    const scratch_directory scratch;
    auto in = uring{}.open_directory(scratch.path(), directory_mode::create).value();
    auto file = in.open("x", file_mode::create).value();
    const auto transfer = [&file] { file.write(0, "x").value(); };
    in_a_thread(transfer);
    const std::size_t before = open_descriptors();
    for (int i = 0; i < 50; ++i) in_a_thread(transfer);
    CHECK(open_descriptors() == before);
}

TEST_CASE("a child made by fork uses no ring of its parent") {
    if (kernel_refuses()) return;
    const scratch_directory scratch;
    auto in = uring{}.open_directory(scratch.path(), directory_mode::create).value();
    auto file = in.open("x", file_mode::create).value();
    file.write(0, "parent").value();
    const pid_t child = ::fork();
    if (child == 0) {
        end_call(__NR_io_uring_enter, SECCOMP_RET_KILL_PROCESS);
        ::alarm(20);
        ::_exit(file.write(6, " child") && file.sync() ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    std::byte read[16];
    CHECK(file.read(0, read, sizeof read).value() == 12);
    CHECK(bytes_view{read, 12} == "parent child");
}

namespace {

struct on_uring : policies<with::platform<uring>> {};

}  // namespace

TEST_CASE("a store on io_uring keeps what threads committed, and posix reads it") {
    if (kernel_refuses()) return;
    const scratch_directory scratch;
    {
        auto db = store<on_uring>::open(scratch.path("db")).value();
        auto table = db.table("t").value();
        std::vector<posix::thread> threads;
        for (int thread = 0; thread < 4; ++thread)
            threads.emplace_back([&db, &table, thread] {
                for (int i = 0; i < 25; ++i) {
                    auto tx = db.begin();
                    tx.put(table, std::to_string(thread * 100 + i), std::string(500, 'v'));
                    CHECK(tx.commit().value().state == commit_state::durable);
                }
            });
        for (auto& thread : threads) thread.join();
        db.close().value();
    }
    struct on_posix : policies<> {};
    auto db = store<on_posix>::open(scratch.path("db")).value();
    auto table = db.find_table("t").value();
    auto tx = db.begin();
    for (int thread = 0; thread < 4; ++thread)
        for (int i = 0; i < 25; ++i)
            CHECK(tx.get(table, std::to_string(thread * 100 + i)).value().value().size() == 500);
}

#else

TEST_CASE("io_uring is a platform like the others") {
    MESSAGE("skipped: liburing.h is not installed");
}

#endif
