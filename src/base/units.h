/* Units of time and size; a name ends with its unit (deadline_ns). */
#ifndef OL_BASE_UNITS_H
#define OL_BASE_UNITS_H

#include <stdint.h>

#define OL_NS_PER_US UINT64_C(1000)
#define OL_NS_PER_MS UINT64_C(1000000)
#define OL_NS_PER_S UINT64_C(1000000000)
#define OL_NEVER_NS UINT64_MAX

#define OL_MIN(a, b) ((a) < (b) ? (a) : (b))
#define OL_MAX(a, b) ((a) > (b) ? (a) : (b))
#define OL_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
