// SPDX-License-Identifier: BSL-1.0
#include "store_process.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fstream>
#include <thread>

namespace store_bench {

namespace {

using measure::give_up;

bool write_text(const std::string& path, const std::string& text) {
    std::ofstream file{path};
    file << text << std::flush;
    return file.good();
}

//   Returns     the number behind `name` in a file of lines; 0: none
std::uint64_t number_in(const char* path, const std::string& name) {
    std::ifstream file{path};
    for (std::string word; file >> word;) {
        if (word != name) continue;
        std::uint64_t value = 0;
        file >> value;
        return value;
    }
    return 0;
}

double rss_mb() { return static_cast<double>(number_in("/proc/self/status", "VmRSS:")) / 1024; }

template <class T>
bool send(int to, const T& what) {
    static_assert(std::is_trivially_copyable_v<T>);
    return ::write(to, &what, sizeof what) == static_cast<ssize_t>(sizeof what);
}
template <class T>
bool receive_from(int from, T& into) {
    std::size_t done = 0;
    while (done < sizeof into) {
        const ssize_t more =
            ::read(from, reinterpret_cast<char*>(&into) + done, sizeof into - done);
        if (more <= 0) return false;
        done += static_cast<std::size_t>(more);
    }
    return true;
}

// What must not be left when this process ends, by give_up() too: subjects, and what limits them.
std::vector<pid_t>& running() {
    static std::vector<pid_t> all;
    return all;
}
std::vector<std::string>& limits() {
    static std::vector<std::string> all;
    return all;
}
void end_all() {
    for (const pid_t each : running()) {
        (void)::kill(each, SIGKILL);
        (void)::waitpid(each, nullptr, 0);
    }
    for (const std::string& each : limits()) (void)::rmdir(each.c_str());
}
void end_all_at_exit() {
    static const bool once = [] {
        (void)running();  // outlive the handler
        (void)limits();
        return std::atexit(end_all) == 0;
    }();
    (void)once;
}

// What a child does first: it ends with its parent, and wakes when it should.
void become_child() {
    running().clear();
    limits().clear();
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)::prctl(PR_SET_TIMERSLACK, 1);
}

std::vector<std::uint32_t> order_of_load(std::uint64_t rows, bool sorted) {
    std::vector<std::uint32_t> order(rows);
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
    // The first eight bytes of a key are the mix of its row, and no two are equal.
    const auto by_key = [](std::uint32_t a, std::uint32_t b) {
        return mix(std::uint64_t{a} + 1) < mix(std::uint64_t{b} + 1);
    };
    if (sorted) std::sort(order.begin(), order.end(), by_key);
    return order;
}

void answer_all(const contender& who, const served::plan& what, int from, int to) {
    (void)what.drawn->touch();
    const double without = rss_mb();
    const auto opened = who.open(what.how);
    driver rows{*opened, *what.drawn, what.limit != nullptr ? what.rows : 0};
    answer now;
    if (what.rows > 0) {
        if (what.limit == nullptr) rows.load(what.rows);
        settle(60);
        (void)::malloc_trim(0);  // what the large commits of loading took is nobody's memory now
        now.counted = rows.count();
    }
    const auto finish = [&] {
        now.expected_rows = rows.rows();
        now.used = footprint_of_this(what.how.directory);
        now.used.rss_mb = std::max(0.0, now.used.rss_mb - without);
        if (!send(to, now)) ::_exit(1);
    };
    finish();
    for (request next; receive_from(from, next) && next.what != request::kind::end; finish()) {
        now = {};
        switch (next.what) {
            case request::kind::run: now.part = rows.run(next.part); break;
            case request::kind::erase:
                rows.erase_most();
                now.settled_s = settle_size(what.how.directory);
                break;
            case request::kind::count: now.counted = rows.count(); break;
            case request::kind::load:
                now.part = rows.load(order_of_load(next.part.seed, next.sorted), next.part.threads);
                settle(10);
                break;
            case request::kind::end: break;
        }
    }
}

}  // namespace

// --- memory_limit ---

memory_limit::memory_limit(std::uint64_t bytes) {
    static unsigned made = 0;
    const std::string own =
        "/mantis-store-" + std::to_string(::getpid()) + "-" + std::to_string(++made);
    for (const auto& [root, file] : {std::pair{"/sys/fs/cgroup/memory", "/memory.limit_in_bytes"},
                                     std::pair{"/sys/fs/cgroup", "/memory.max"}}) {
        std::error_code failed;
        const std::string path = root + own;
        if (!std::filesystem::create_directory(path, failed) || failed) continue;
        path_ = path;
        if (std::filesystem::exists(path + file) &&
            write_text(path + file, std::to_string(bytes))) {
            limits().push_back(path);
            return;
        }
        (void)::rmdir(path.c_str());
        path_.clear();
    }
}
memory_limit::~memory_limit() {
    if (path_.empty()) return;
    (void)::rmdir(path_.c_str());
    std::erase(limits(), path_);
}
void memory_limit::enter() const {
    if (!path_.empty() && !write_text(path_ + "/cgroup.procs", std::to_string(::getpid())))
        give_up("cannot enter " + path_);
}

// --- what a process uses ---

void settle(double most_seconds) {
    constexpr int quiet = 4;
    const auto begun = measure::clock_type::now();
    std::uint64_t before = 0;
    for (int still = 0; still < quiet && measure::seconds_since(begun) < most_seconds;) {
        const std::uint64_t now = number_in("/proc/self/io", "wchar:");
        still = now == before ? still + 1 : 0;
        before = now;
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
}

footprint footprint_of_this(const std::string& directory) {
    footprint now;
    now.rss_mb = rss_mb();
    now.written_bytes = number_in("/proc/self/io", "wchar:");
    std::error_code gone;  // files come and go meanwhile
    std::filesystem::recursive_directory_iterator each{directory, gone};
    for (; each != std::filesystem::recursive_directory_iterator{}; each.increment(gone)) {
        struct stat about;
        if (::stat(each->path().c_str(), &about) == 0)
            now.disk_mb += static_cast<double>(about.st_blocks) * 512 / (1024 * 1024);
    }
    return now;
}

double settle_size(const std::string& directory) {
    constexpr double still = 5;
    const auto begun = measure::clock_type::now();
    double before = 0;
    double since = 0;
    for (double now = 0; now < 60 && now - since < still; now = measure::seconds_since(begun)) {
        const double size = footprint_of_this(directory).disk_mb;
        if (size != before) since = now;
        before = size;
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
    return since;
}

void forget_pages(const std::string& directory) {
    for (const auto& each : std::filesystem::recursive_directory_iterator{directory}) {
        const int file = ::open(each.path().c_str(), O_RDONLY | O_CLOEXEC);
        if (file < 0) continue;
        (void)::fsync(file);
        (void)::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
        (void)::close(file);
    }
}

// --- processes ---

double processor_seconds() {
    double all = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
    struct ::rusage ended {};
    (void)::getrusage(RUSAGE_CHILDREN, &ended);
    for (const ::timeval& each : {ended.ru_utime, ended.ru_stime})
        all += static_cast<double>(each.tv_sec) + static_cast<double>(each.tv_usec) / 1e6;
    for (const pid_t each : running()) {
        ::clockid_t clock{};
        ::timespec used{};
        if (::clock_getcpuclockid(each, &clock) == 0 && ::clock_gettime(clock, &used) == 0)
            all += static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
    }
    return all;
}

bool alone(const std::function<bool()>& f) {
    std::fflush(stdout);
    const pid_t process = ::fork();
    if (process < 0) give_up("cannot fork");
    if (process == 0) {
        become_child();
        const bool fine = f();
        std::fflush(stdout);
        ::_exit(fine ? 0 : 1);
    }
    int status = 0;
    if (::waitpid(process, &status, 0) != process) give_up("cannot wait for a process");
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

served::served(const contender& who, const plan& what) : name_{who.name} {
    if (what.limit != nullptr) {
        // Loaded by another process with memory enough: what that has cached is not its own.
        plan before = what;
        before.limit = nullptr;
        before.how.memory_bytes = std::max<std::uint64_t>(2 * what.how.data_bytes, 64 << 20);
        { served loading{who, before}; }
        forget_pages(what.how.directory);
    }
    int to_child[2];
    int to_parent[2];
    if (::pipe2(to_child, O_CLOEXEC) != 0 || ::pipe2(to_parent, O_CLOEXEC) != 0)
        give_up("cannot make a pipe");
    std::fflush(stdout);
    // What is free here would be memory that the child has, and that it is not seen to take.
    (void)::malloc_trim(0);
    process_ = ::fork();
    if (process_ < 0) give_up("cannot fork");
    if (process_ == 0) {
        ::close(to_child[1]);
        ::close(to_parent[0]);
        become_child();
        if (what.limit != nullptr) {
            what.limit->enter();
            // As RocksDB advises where memory is short: arenas of many threads keep much for none.
            (void)::mallopt(M_ARENA_MAX, 2);
        }
        answer_all(who, what, to_child[0], to_parent[1]);
        ::_exit(0);
    }
    ::close(to_child[0]);
    ::close(to_parent[1]);
    end_all_at_exit();
    running().push_back(process_);
    to_ = to_child[1];
    from_ = to_parent[0];
    loaded_ = receive();
}

served::~served() {
    (void)::kill(process_, SIGCONT);
    (void)send(to_, request{});
    ::close(to_);
    ::close(from_);
    int status = 0;
    (void)::waitpid(process_, &status, 0);
    std::erase(running(), process_);
    if (status != 0) give_up(name_ + " did not close as it should");
}

answer served::receive() {
    answer got;
    if (!receive_from(from_, got))
        give_up(name_ + " ended before it answered, of a fault or beyond its memory limit");
    (void)::kill(process_, SIGSTOP);
    return got;
}

answer served::ask(const request& what) {
    (void)::kill(process_, SIGCONT);
    if (!send(to_, what)) give_up(name_ + " does not listen");
    return receive();
}

}  // namespace store_bench
