/* optimizer.cl: the learning rate, and updates of parameters in place; all arrays (count), the
 * learning rate and the number of the step from the step buffer.
 *
 *   learning_rate  step.learning_rate = step.base_rate * share, with s = step.step:
 *                  s < rise: start + (1 - start) (s + 1) / rise;  fall = 0: 1;
 *                  else end + (1 - end) (1 + cos(pi min((s - rise) / fall, 1))) / 2
 *   sgd            p -= rate g
 *   sgd_momentum   v = momentum v + g;  p -= rate v
 *   adam           m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
 *                  p -= rate sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon), t = step + 1
 *   weight_decay   p *= 1 - rate decay
 *   average        a += (1 - min(decay, s / (s + 10))) (p - a)
 *
 * 1 - beta^t is computed as -expm1(t log(beta)), with log(beta) from the host: right to a few units
 * in the last place for every t, where 1 - pow(beta, t) loses ten bits at t = 1.
 *
 * Launch
 *   learning_rate   one work-item
 *   <name>          a work-item an element: global = count rounded up to the group
 *   <name>_vector   a work-item a group: group k does elements k * chunk up to (k + 1) * chunk - 1
 */

kernel void learning_rate(global Step *step, int rise, int fall, float start, float end) {
    float share = 1;
    if (step->step < (uint)rise) {
        share = FMA(1 - start, (float)(step->step + 1) / (float)rise, start);
    } else if (fall > 0) {
        float done = fmin((float)(step->step - (uint)rise) / (float)fall, 1.0f);
        share = FMA(1 - end, 0.5f * (1 + cospi(done)), end);
    }
    step->learning_rate = step->base_rate * share;
}

kernel void sgd(global float *restrict p, global const float *restrict g,
                global const Step *restrict step, int count) {
    int i = (int)get_global_id(0);
    if (i < count) p[i] = FMA(-step->learning_rate, g[i], p[i]);
}

kernel void sgd_vector(global float *restrict p, global const float *restrict g,
                       global const Step *restrict step, int count, int chunk) {
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count);
    float down = -step->learning_rate;
    for (; i + VW <= end; i += VW) VSTORE(FMA((V)(down), VLOAD(g + i), VLOAD(p + i)), p + i);
    for (; i < end; i++) p[i] = FMA(down, g[i], p[i]);
}

kernel void sgd_momentum(global float *restrict p, global const float *restrict g,
                         global float *restrict v, global const Step *restrict step, int count,
                         float momentum) {
    int i = (int)get_global_id(0);
    if (i >= count) return;
    v[i] = FMA(momentum, v[i], g[i]);
    p[i] = FMA(-step->learning_rate, v[i], p[i]);
}

kernel void sgd_momentum_vector(global float *restrict p, global const float *restrict g,
                                global float *restrict v, global const Step *restrict step,
                                int count, float momentum, int chunk) {
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count);
    float down = -step->learning_rate;
    for (; i + VW <= end; i += VW) {
        V update = FMA((V)(momentum), VLOAD(v + i), VLOAD(g + i));
        VSTORE(update, v + i);
        VSTORE(FMA((V)(down), update, VLOAD(p + i)), p + i);
    }
    for (; i < end; i++) {
        v[i] = FMA(momentum, v[i], g[i]);
        p[i] = FMA(down, v[i], p[i]);
    }
}

/* -rate sqrt(1 - beta2^t) / (1 - beta1^t) */
inline float adam_factor(global const Step *step, float log_beta1, float log_beta2) {
    float t = (float)(step->step + 1);
    return step->learning_rate * sqrt(-expm1(t * log_beta2)) / expm1(t * log_beta1);
}

kernel void adam(global float *restrict p, global const float *restrict g, global float *restrict m,
                 global float *restrict v, global const Step *restrict step, int count, float beta1,
                 float beta2, float log_beta1, float log_beta2, float epsilon) {
    int i = (int)get_global_id(0);
    if (i >= count) return;
    float gradient = g[i];
    float first = FMA(beta1, m[i], (1 - beta1) * gradient);
    float second = FMA(beta2, v[i], (1 - beta2) * gradient * gradient);
    m[i] = first;
    v[i] = second;
    p[i] = FMA(adam_factor(step, log_beta1, log_beta2), first / (sqrt(second) + epsilon), p[i]);
}

kernel void adam_vector(global float *restrict p, global const float *restrict g,
                        global float *restrict m, global float *restrict v,
                        global const Step *restrict step, int count, float beta1, float beta2,
                        float log_beta1, float log_beta2, float epsilon, int chunk) {
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count);
    float factor = adam_factor(step, log_beta1, log_beta2);
    for (; i + VW <= end; i += VW) {
        V gradient = VLOAD(g + i);
        V first = FMA((V)(beta1), VLOAD(m + i), (1 - beta1) * gradient);
        V second = FMA((V)(beta2), VLOAD(v + i), (1 - beta2) * gradient * gradient);
        VSTORE(first, m + i);
        VSTORE(second, v + i);
        VSTORE(FMA((V)(factor), first / (sqrt(second) + epsilon), VLOAD(p + i)), p + i);
    }
    for (; i < end; i++) {
        float gradient = g[i];
        m[i] = FMA(beta1, m[i], (1 - beta1) * gradient);
        v[i] = FMA(beta2, v[i], (1 - beta2) * gradient * gradient);
        p[i] = FMA(factor, m[i] / (sqrt(v[i]) + epsilon), p[i]);
    }
}

kernel void weight_decay(global float *restrict p, global const Step *restrict step, int count,
                         float decay) {
    int i = (int)get_global_id(0);
    if (i < count) p[i] *= 1 - step->learning_rate * decay;
}

kernel void weight_decay_vector(global float *restrict p, global const Step *restrict step,
                                int count, float decay, int chunk) {
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count);
    float factor = 1 - step->learning_rate * decay;
    for (; i + VW <= end; i += VW) VSTORE(VLOAD(p + i) * factor, p + i);
    for (; i < end; i++) p[i] *= factor;
}

inline float average_share(global const Step *step, float decay) {
    float s = (float)step->step;
    return 1 - fmin(decay, s / (s + 10));
}

kernel void average(global float *restrict a, global const float *restrict p,
                    global const Step *restrict step, int count, float decay) {
    int i = (int)get_global_id(0);
    if (i < count) a[i] = FMA(average_share(step, decay), p[i] - a[i], a[i]);
}

kernel void average_vector(global float *restrict a, global const float *restrict p,
                           global const Step *restrict step, int count, float decay, int chunk) {
    int i = (int)get_global_id(0) * chunk, end = min(i + chunk, count);
    float share = average_share(step, decay);
    for (; i + VW <= end; i += VW) {
        V old = VLOAD(a + i);
        VSTORE(FMA((V)(share), VLOAD(p + i) - old, old), a + i);
    }
    for (; i < end; i++) a[i] = FMA(share, p[i] - a[i], a[i]);
}
