/* Vectors as wide as the machine's registers, by the extensions that GCC and Clang share: exp and tanh of every lane,
   and products of a matrix with vectors. */

#include <stdint.h>
#include <string.h>

#if defined __AVX512F__ /* lanes of a vector; rows of a product that are summed at once, in registers */
#define LANES 16
#define TILE 16
#elif defined __AVX2__
#define LANES 8
#define TILE 12
#else
#define LANES 4
#define TILE 12
#endif
#define INLINE static inline __attribute__((always_inline))

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t marks __attribute__((vector_size(4 * LANES), aligned(4), may_alias)); /* -1 where true */
typedef int64_t whole;

INLINE lanes bits(marks m) { return (union { marks m; lanes x; }){m}.x; }
INLINE marks as_marks(lanes x) { return (union { lanes x; marks m; }){x}.m; }
INLINE lanes all(float x) { return x - (lanes){0}; }
INLINE lanes where(marks on, lanes x, lanes other) { return bits((on & as_marks(x)) | (~on & as_marks(other))); }
INLINE lanes keep(marks on, lanes x) { return bits(on & as_marks(x)); } /* else 0 */

INLINE lanes clamp(lanes x, float low, float high) { /* NaN stays NaN */
    x = where(x < low, all(low), x);
    return where(x > high, all(high), x);
}

/* y and scale of exp(x) = scale (1 + y), to 1e-7; the polynomial of expf in the Cephes library. */
INLINE lanes exponential(lanes x, lanes *scale) {
    const float magic = 12582912.0f; /* 1.5 * 2^23: what is added to it is rounded to a whole number, its low bits */
    const lanes shifted = x * 1.44269504f + magic, n = shifted - magic;
    const lanes r = x - n * 0.693359375f + n * 2.12194440e-4f; /* ln 2 in two parts */
    lanes y = 1.3981999507e-3f + 1.9875691500e-4f * r;
    y = 8.3334519073e-3f + y * r;
    y = 4.1665795894e-2f + y * r;
    y = 1.6666665459e-1f + y * r;
    y = 5.0000001201e-1f + y * r;
    *scale = bits((as_marks(shifted) - 0x4b400000 + 127) << 23);
    return r + y * (r * r);
}

/* Two at once: a division takes as long as ten products. */
INLINE void sigmoids(lanes *x, lanes *y) {
    lanes p, q, by_p = exponential(clamp(-*x, -43.0f, 43.0f), &p), by_q = exponential(clamp(-*y, -43.0f, 43.0f), &q);
    p = 1.0f + p + p * by_p, q = 1.0f + q + q * by_q; /* their product is no overflow */
    const lanes both = 1.0f / (p * q);
    *x = keep(~(*x <= -43.0f), q * both), *y = keep(~(*y <= -43.0f), p * both);
}

INLINE lanes hyperbolic_tangent(lanes x) { /* (exp(2x) - 1) / (exp(2x) + 1), without cancellation near 0 */
    lanes scale, y = exponential(clamp(x + x, -20.0f, 20.0f), &scale), less_one = scale * y + (scale - 1.0f);
    return less_one / (less_one + 2.0f);
}

/* out[j] = sum over k of a[j * row + k * column] v[k * stride], for TILE rows j; or added to it, if not fresh. */
INLINE void tile(lanes *out, const float *a, whole row, whole column, const lanes *v, whole stride, whole depth,
                 int fresh) {
    lanes sum[TILE];
#pragma GCC unroll 16
    for (int j = 0; j < TILE; j++) sum[j] = (lanes){0};
    for (whole k = 0; k < depth; k++, a += column, v += stride) {
        const lanes by = *v;
#pragma GCC unroll 16
        for (int j = 0; j < TILE; j++) sum[j] += a[j * row] * by;
    }
#pragma GCC unroll 16
    for (int j = 0; j < TILE; j++) {
        if (fresh) out[j] = sum[j];
        else out[j] += sum[j];
    }
}

static whole up(whole rows) { return (rows + TILE - 1) / TILE * TILE; }

/* Adds columns of a matrix, from the one numbered `at`, to what is packed for products: [rows / TILE, depth, TILE]. */
static void pack(float *packed, whole depth, whole at, const float *a, whole row, whole column, whole rows,
                 whole columns) {
    for (whole j = 0; j < rows; j++)
        for (whole k = 0; k < columns; k++)
            packed[(j / TILE * depth + at + k) * TILE + j % TILE] += a[j * row + k * column];
}

static void product(lanes *out, const float *packed, whole rows, const lanes *v, whole depth) {
    for (whole j = 0; j < rows; j += TILE) tile(out + j, packed + j * depth, 1, TILE, v, 1, depth, 1);
}

static void add_product(lanes *out, const float *packed, whole rows, const lanes *v, whole stride, whole depth) {
    for (whole j = 0; j < rows; j += TILE) tile(out + j, packed + j * depth, 1, TILE, v, stride, depth, 0);
}
