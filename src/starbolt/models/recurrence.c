/* A layer of gated recurrent units and its gradients on a CPU (Cho et al. 2014, doi:10.3115/v1/D14-1179), as nn.GRU:

       r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)        z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
       n = tanh(W_in x + b_in + r (W_hn h + b_hn))       h' = (1 - z) n + z h

   Series lie side by side, one in each lane of a vector. What is done to one is done to all, so that none depends on
   its neighbours; one that has ended is masked. A thread takes one block of them through all steps, and asks no other.
   Sums over series are taken in each block and joined in the order of the blocks, whatever the number of threads. */

#include <pthread.h>

#include "lanes.h"

#define HELD (64 / LANES) /* steps whose gradients are held, to be multiplied together */

struct layer { /* N blocks, T steps, C inputs, H units; recurrence.py names the same fields in the same order */
    whole blocks, steps, inputs, units, backwards, threads, next;
    const marks *length, *object;             /* [N], of each lane: its points, and its row of the summary or -1 */
    const lanes *x;                           /* [N, T, C] */
    const float *w_ih, *w_hh, *b_ih, *b_hh;   /* [3 H, C], [3 H, H], [3 H], [3 H] */
    lanes *states, *gates, *ties;             /* [N, T, H], [N, T, H, (r, z, n, W_hn h + b_hn)], [N, H]; or 0 */
    float *summary;                           /* [B, (last, mean, most), H] or 0 */
    const lanes *d_states;                    /* as states, or 0 where all come from the summary */
    const float *d_summary;                   /* as summary, or 0 */
    lanes *d_x;                               /* [N, T, C] or 0 */
    float *d_w_ih, *d_w_hh, *d_b_ih, *d_b_hh; /* as the weights, or 0 */
    float *room;                              /* floats to work in, see starbolt_room */
};

static whole longest(marks length) {
    int32_t most = 0;
    for (int i = 0; i < LANES; i++) most = length[i] > most ? length[i] : most;
    return most;
}

static lanes points(marks length) { /* at least 1 */
    lanes number;
    for (int i = 0; i < LANES; i++) number[i] = length[i] > 0 ? length[i] : 1;
    return number;
}

/* Forward. All weights of r and z multiply [h, 1, x] at once; those of n by h and by x must stay apart. */

struct ahead {
    whole depth, rows, half; /* of [h, 1, x]; of r and z; of n */
    whole packed, room;
};

static struct ahead ahead_of(const struct layer *l) {
    const whole H = l->units, C = l->inputs, depth = H + 1 + C, rows = up(2 * H), half = up(H);
    return (struct ahead){depth, rows, half, rows * depth + half * (H + C + 2), depth + rows + 2 * half + 3 * H};
}

static void pack_ahead(const struct layer *l, float *packed) {
    const whole H = l->units, C = l->inputs;
    const struct ahead a = ahead_of(l);
    float *n_h = packed + a.rows * a.depth, *n_x = n_h + a.half * (H + 1);
    memset(packed, 0, a.packed * sizeof(float));
    pack(packed, a.depth, 0, l->w_hh, H, 1, 2 * H, H);
    pack(packed, a.depth, H, l->b_hh, 1, 1, 2 * H, 1);
    pack(packed, a.depth, H, l->b_ih, 1, 1, 2 * H, 1);
    pack(packed, a.depth, H + 1, l->w_ih, C, 1, 2 * H, C);
    pack(n_h, H + 1, 0, l->w_hh + 2 * H * H, H, 1, H, H);
    pack(n_h, H + 1, H, l->b_hh + 2 * H, 1, 1, H, 1);
    pack(n_x, C + 1, 0, l->b_ih + 2 * H, 1, 1, H, 1);
    pack(n_x, C + 1, 1, l->w_ih + 2 * H * C, C, 1, H, C);
}

/* One of the summary's three parts, to and from the rows of its objects. */
static void to_objects(const struct layer *l, whole block, const lanes *part, whole number) {
    for (int i = 0; i < LANES; i++) {
        const whole row = l->object[block][i];
        for (whole u = 0; u < l->units && row >= 0; u++) l->summary[(row * 3 + number) * l->units + u] = part[u][i];
    }
}

static void of_objects(const struct layer *l, whole block, const float *rows, lanes *part, whole number) {
    for (int i = 0; i < LANES; i++) {
        const whole row = l->object[block][i];
        for (whole u = 0; u < l->units; u++) part[u][i] = row < 0 ? 0.0f : rows[(row * 3 + number) * l->units + u];
    }
}

/* One series after another point: last, sum and most of its states so far, and how many of them are the most. */
INLINE void note(marks on, lanes h, lanes *sum, lanes *most, lanes *ties) {
    const marks higher = on & ~(h <= *most), equal = on & (h == *most); /* NaN is higher than all */
    *sum += keep(on, h);
    *ties = where(higher, all(1.0f), *ties + keep(equal, all(1.0f)));
    *most = where(higher, h, *most);
}

static void forward_block(const struct layer *l, whole block, lanes *v, const float *packed) {
    const whole H = l->units, C = l->inputs;
    const struct ahead a = ahead_of(l);
    const float *of_n_h = packed + a.rows * a.depth, *of_n_x = of_n_h + a.half * (H + 1);
    lanes *rz = v + a.depth, *n_h = rz + a.rows, *n_x = n_h + a.half;
    lanes *sum = n_x + a.half, *most = sum + H, *ties = most + H;
    const marks length = l->length[block];
    const whole steps = longest(length);
    for (whole u = 0; u < H; u++) v[u] = sum[u] = ties[u] = (lanes){0}, most[u] = all(-2.0f);
    v[H] = all(1.0f);
    for (whole step = 0; step < steps; step++) {
        const whole t = l->backwards ? steps - 1 - step : step, at = block * l->steps + t;
        const marks on = length > (int32_t)t;
        for (whole c = 0; c < C; c++) v[H + 1 + c] = keep(on, l->x[at * C + c]);
        product(rz, packed, 2 * H, v, a.depth);
        product(n_h, of_n_h, H, v, H + 1);
        product(n_x, of_n_x, H, v + H, C + 1);
        for (whole u = 0; u < H; u++) {
            lanes r = rz[u], z = rz[H + u];
            sigmoids(&r, &z);
            const lanes n = hyperbolic_tangent(n_x[u] + r * n_h[u]);
            const lanes h = n + z * (v[u] - n);
            v[u] = where(on, h, v[u]);
            if (l->summary) note(on, h, sum + u, most + u, ties + u);
            if (l->states) l->states[at * H + u] = keep(on, h);
            if (!l->gates) continue;
            lanes *gates = l->gates + 4 * (at * H + u);
            gates[0] = r, gates[1] = z, gates[2] = n, gates[3] = n_h[u];
        }
    }
    if (!l->summary) return;
    const lanes number = points(length);
    for (whole u = 0; u < H; u++) sum[u] /= number, most[u] = keep(length > 0, most[u]);
    to_objects(l, block, v, 0), to_objects(l, block, sum, 1), to_objects(l, block, most, 2);
    memcpy(l->ties + block * H, ties, H * sizeof(lanes));
}

/* Backward. Gradients are held as rows [n by h, r, z, n by x] of HELD steps; first three give that of h, last three
   that of x. For those of the weights they meet [h, 1, x], turned so that its columns lie side by side. */

struct back {
    whole columns, from; /* vectors of [h, 1, x]; the first that has more than h */
    whole first, rest;   /* rows of sums: of the first three, of the last one */
    whole sums, packed, room;
};

static struct back back_of(const struct layer *l) {
    const whole H = l->units, C = l->inputs, columns = (H + 1 + C + LANES - 1) / LANES, from = H / LANES;
    const whole sums = columns * up(3 * H) + (columns - from) * up(H), turned = columns * LANES * (1 + HELD);
    const whole room = up(H) + 3 * H + up(C) + turned + (4 * H + TILE) * HELD;
    return (struct back){columns, from, up(3 * H), up(H), sums, (up(H) + up(C)) * 3 * H, room};
}

static void pack_back(const struct layer *l, float *packed) {
    const whole H = l->units, C = l->inputs;
    memset(packed, 0, back_of(l).packed * sizeof(float));
    pack(packed, 3 * H, 0, l->w_hh + 2 * H * H, 1, H, H, H);
    pack(packed, 3 * H, H, l->w_hh, 1, H, H, 2 * H);
    pack(packed + up(H) * 3 * H, 3 * H, 0, l->w_ih, 1, C, C, 3 * H);
}

static void turn(float *out, const float *in) {
    for (int i = 0; i < LANES; i++)
        for (int j = 0; j < LANES; j++) out[i * LANES + j] = in[j * LANES + i];
}

/* Adds gradients times what they meet, summed over the lanes of the steps held, to [columns, rows]. */
static void multiply(lanes *sums, const lanes *d, const lanes *turned, whole held, whole H, struct back b) {
    const float *rows = (const float *)d, *last = rows + 3 * H * HELD * LANES;
    for (whole column = 0; column < b.columns; column++, turned += HELD * LANES) {
        for (whole j = 0; j < 3 * H; j += TILE, sums += TILE)
            tile(sums, rows + j * HELD * LANES, HELD * LANES, 1, turned, 1, held * LANES, 0);
        for (whole j = 0; j < H && column >= b.from; j += TILE, sums += TILE)
            tile(sums, last + j * HELD * LANES, HELD * LANES, 1, turned, 1, held * LANES, 0);
    }
}

/* Gradients of one step's gates, to rows of d; dh becomes what passes by them to the step before, whose state is h. */
static void through_gates(const struct layer *l, whole at, marks on, const lanes *h, lanes *dh, lanes *d) {
    const whole H = l->units;
    const lanes *mean = dh + up(H), *most = mean + H, *share = most + H;
    for (whole u = 0; u < H; u++) {
        const lanes *gates = l->gates + 4 * (at * H + u);
        const lanes r = gates[0], z = gates[1], n = gates[2], n_h = gates[3];
        lanes g = dh[u] + mean[u] + keep(l->states[at * H + u] == most[u], share[u]);
        if (l->d_states) g += l->d_states[at * H + u];
        const lanes dn = g * (1.0f - z) * (1.0f - n * n), dn_h = dn * r, gz = g * z;
        d[u * HELD] = keep(on, dn_h);
        d[(H + u) * HELD] = keep(on, dn_h * n_h * (1.0f - r));
        d[(2 * H + u) * HELD] = keep(on, gz * (h[u] - n) * (1.0f - z));
        d[(3 * H + u) * HELD] = keep(on, dn);
        dh[u] = where(on, gz, dh[u]);
    }
}

/* What the summary passes to each state: dh to the last, `mean` to all, `share` to those that are the most. */
static void through_summary(const struct layer *l, whole block, lanes *dh) {
    const whole H = l->units;
    const lanes number = points(l->length[block]);
    lanes *mean = dh + up(H), *most = mean + H, *share = most + H;
    for (whole u = 0; u < H; u++) dh[u] = mean[u] = most[u] = share[u] = (lanes){0};
    if (!l->d_summary) return;
    of_objects(l, block, l->d_summary, dh, 0), of_objects(l, block, l->d_summary, mean, 1);
    of_objects(l, block, l->d_summary, share, 2), of_objects(l, block, l->summary, most, 2);
    for (whole u = 0; u < H; u++) {
        const lanes ties = l->ties[block * H + u];
        mean[u] /= number, share[u] /= where(ties > 0, ties, all(1.0f));
    }
}

static void backward_block(const struct layer *l, whole block, lanes *dh, const float *packed, lanes *sums) {
    const whole H = l->units, C = l->inputs;
    const struct back b = back_of(l);
    lanes *dx = dh + up(H) + 3 * H, *v = dx + up(C), *turned = v + b.columns * LANES;
    lanes *d = turned + b.columns * LANES * HELD;
    const marks length = l->length[block];
    const whole steps = longest(length);
    if (sums) memset(sums, 0, b.sums * sizeof(lanes));
    through_summary(l, block, dh);
    for (whole step = steps - 1, held = 0; step >= 0; step--) {
        const whole t = l->backwards ? steps - 1 - step : step, at = block * l->steps + t;
        const marks on = length > (int32_t)t;
        if (step) memcpy(v, l->states + (at + (l->backwards ? 1 : -1)) * H, H * sizeof(lanes));
        else memset(v, 0, H * sizeof(lanes));
        through_gates(l, at, on, v, dh, d + held);
        add_product(dh, packed, H, d + held, HELD, 3 * H);
        if (l->d_x) {
            memset(dx, 0, C * sizeof(lanes));
            add_product(dx, packed + up(H) * 3 * H, C, d + H * HELD + held, HELD, 3 * H);
            memcpy((lanes *)l->d_x + at * C, dx, C * sizeof(lanes));
        }
        if (!sums) continue;
        v[H] = all(1.0f);
        for (whole c = 0; c < C; c++) v[H + 1 + c] = keep(on, l->x[at * C + c]);
        for (whole column = 0; column < b.columns; column++)
            turn((float *)(turned + (column * HELD + held) * LANES), (const float *)(v + column * LANES));
        if (++held < HELD && step) continue;
        multiply(sums, d, turned, held, H, b);
        held = 0;
    }
}

/* The sums of all blocks, in their order, as gradients of the weights. */
static void join(const struct layer *l, lanes *sums) {
    const whole H = l->units, C = l->inputs;
    const struct back b = back_of(l);
    for (whole block = 1; block < l->blocks; block++)
        for (whole i = 0; i < b.sums; i++) sums[i] += sums[block * b.sums + i];
    for (whole k = 0; k <= H + C; k++) {
        const whole column = k / LANES, i = k % LANES;
        const lanes *first = sums + column * b.first + (column > b.from ? column - b.from : 0) * b.rest;
        for (whole j = 0; j < 3 * H; j++) { /* n by h, r, z to the places of r, z, n */
            const float by_h = first[j < 2 * H ? j + H : j - 2 * H][i];
            const float by_x = j < 2 * H ? by_h : column >= b.from ? first[b.first + j - 2 * H][i] : 0.0f;
            if (k < H) l->d_w_hh[j * H + k] = by_h;
            else if (k > H) l->d_w_ih[j * C + k - H - 1] = by_x;
            else l->d_b_hh[j] = by_h, l->d_b_ih[j] = by_x;
        }
    }
}

/* Threads. */

struct work {
    struct layer *layer;
    const float *packed;
    lanes *sums, *room;
    whole size; /* of one thread's room */
    int back;
};

static void *labour(void *given) { /* takes blocks while there are any */
    const struct work *w = given;
    const whole sums = back_of(w->layer).sums;
#ifdef __SSE__
    const unsigned before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(before | 0x8040); /* numbers below 1e-38, which gradients fade to, are 0: they take long */
#endif
    memset(w->room, 0, w->size * sizeof(lanes));
    for (whole i; (i = __atomic_fetch_add(&w->layer->next, 1, __ATOMIC_RELAXED)) < w->layer->blocks;) {
        if (w->back) backward_block(w->layer, i, w->room, w->packed, w->sums ? w->sums + i * sums : 0);
        else forward_block(w->layer, i, w->room, w->packed);
    }
#ifdef __SSE__
    __builtin_ia32_ldmxcsr(before);
#endif
    return 0;
}

static void share(struct work work) {
    const whole threads = work.layer->threads;
    pthread_t ids[threads];
    struct work works[threads];
    whole started = 0;
    for (whole i = 1; i < threads; i++) {
        works[started] = work;
        works[started].room += i * work.size;
        if (!pthread_create(&ids[started], 0, labour, &works[started])) started++; /* else the others do its share */
    }
    labour(&work);
    for (whole i = 0; i < started; i++) pthread_join(ids[i], 0);
}

whole starbolt_lanes(void) { return LANES; }

/* Floats of room that a pass needs. */
whole starbolt_room(const struct layer *l, int back) {
    const struct ahead a = ahead_of(l);
    const struct back b = back_of(l);
    if (!back) return a.packed + LANES * l->threads * a.room;
    return b.packed + LANES * (l->threads * b.room + (l->d_w_ih ? l->blocks * b.sums : 0));
}

void starbolt_forward(struct layer *l) {
    const struct ahead a = ahead_of(l);
    pack_ahead(l, l->room);
    share((struct work){l, l->room, 0, (lanes *)(l->room + a.packed), a.room, 0});
}

void starbolt_backward(struct layer *l) {
    const struct back b = back_of(l);
    lanes *room = (lanes *)(l->room + b.packed), *sums = l->d_w_ih ? room + l->threads * b.room : 0;
    pack_back(l, l->room);
    share((struct work){l, l->room, sums, room, b.room, 1});
    if (sums) join(l, sums);
}
