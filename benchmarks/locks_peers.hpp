// SPDX-License-Identifier: BSL-1.0
//
// The reader-writer locks that are compared, all under the names lock, unlock, lock_shared and
// unlock_shared. benchmarks/run says by LOCKS_HAVE_... which packages are there.
#pragma once

#include "measure.hpp"

#include <mantis/platform/posix.hpp>
#include <mantis/sync/rwlock.hpp>

#include <gnu/libc-version.h>
#include <pthread.h>
#include <shared_mutex>
#ifdef LOCKS_HAVE_ABSL
#include <absl/base/config.h>
#include <absl/synchronization/mutex.h>
#endif
#ifdef LOCKS_HAVE_TBB
#include <oneapi/tbb/rw_mutex.h>
#include <oneapi/tbb/spin_rw_mutex.h>
#include <oneapi/tbb/version.h>
#endif
#ifdef LOCKS_HAVE_BOOST_THREAD
#include <boost/thread/shared_mutex.hpp>
#include <boost/version.hpp>
#endif

namespace locks {

struct mantis_rwlock : mantis::rwlock<mantis::posix> {
    static constexpr const char* name = "mantis-rwlock";
    static constexpr measure::role role = measure::role::ours;
    static std::string build() { return "this tree"; }
};

struct std_shared_mutex : std::shared_mutex {
    static constexpr const char* name = "std::shared_mutex";
    static constexpr measure::role role = measure::role::peer;
    static std::string build() { return "libstdc++ " + std::to_string(__GLIBCXX__); }
};

class pthread_prefer_writer {
public:
    static constexpr const char* name = "pthread-prefer-writer";
    static constexpr measure::role role = measure::role::peer;
    static std::string build() { return std::string{"glibc "} + ::gnu_get_libc_version(); }

    pthread_prefer_writer() {
        ::pthread_rwlockattr_t kind;
        ::pthread_rwlockattr_init(&kind);
        ::pthread_rwlockattr_setkind_np(&kind, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
        ::pthread_rwlock_init(&lock_, &kind);
        ::pthread_rwlockattr_destroy(&kind);
    }
    pthread_prefer_writer(const pthread_prefer_writer&) = delete;
    pthread_prefer_writer& operator=(const pthread_prefer_writer&) = delete;
    ~pthread_prefer_writer() { ::pthread_rwlock_destroy(&lock_); }

    void lock() { ::pthread_rwlock_wrlock(&lock_); }
    void unlock() { ::pthread_rwlock_unlock(&lock_); }
    void lock_shared() { ::pthread_rwlock_rdlock(&lock_); }
    void unlock_shared() { ::pthread_rwlock_unlock(&lock_); }

private:
    ::pthread_rwlock_t lock_;
};

#ifdef LOCKS_HAVE_ABSL
class absl_mutex {
public:
    static constexpr const char* name = "absl::Mutex";
    static constexpr measure::role role = measure::role::peer;
    static std::string build() {
        return "the package's, LTS " + std::to_string(ABSL_LTS_RELEASE_VERSION) +
               ", deadlock detection off";
    }

    // A library that was built with assertions would look for deadlocks at every lock.
    absl_mutex() { absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore); }

    void lock() { lock_.Lock(); }
    void unlock() { lock_.Unlock(); }
    void lock_shared() { lock_.ReaderLock(); }
    void unlock_shared() { lock_.ReaderUnlock(); }

private:
    absl::Mutex lock_;
};
#endif

#ifdef LOCKS_HAVE_TBB
struct tbb_rw_mutex : tbb::rw_mutex {
    static constexpr const char* name = "tbb::rw_mutex";
    static constexpr measure::role role = measure::role::peer;
    static std::string build() { return "the package's, " TBB_VERSION_STRING; }
};

struct tbb_spin_rw_mutex : tbb::spin_rw_mutex {
    static constexpr const char* name = "tbb::spin_rw_mutex";
    static constexpr measure::role role = measure::role::shown;
    static std::string build() { return "the package's, " TBB_VERSION_STRING "; spins only"; }
};
#endif

#ifdef LOCKS_HAVE_BOOST_THREAD
struct boost_upgrade_mutex : boost::upgrade_mutex {
    static constexpr const char* name = "boost::upgrade_mutex";
    static constexpr measure::role role = measure::role::peer;
    static std::string build() { return "the package's, " BOOST_LIB_VERSION; }
};
#endif

template <class... Locks>
struct lock_list {
    // Calls visit<Lock>() for each.
    template <class Visit>
    static void each(Visit visit) {
        (visit.template operator()<Locks>(), ...);
    }
};

using compared_locks = lock_list<mantis_rwlock, std_shared_mutex, pthread_prefer_writer
#ifdef LOCKS_HAVE_ABSL
                                 ,
                                 absl_mutex
#endif
#ifdef LOCKS_HAVE_TBB
                                 ,
                                 tbb_rw_mutex, tbb_spin_rw_mutex
#endif
#ifdef LOCKS_HAVE_BOOST_THREAD
                                 ,
                                 boost_upgrade_mutex
#endif
                                 >;

}  // namespace locks
