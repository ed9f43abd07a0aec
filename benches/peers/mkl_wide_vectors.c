/* Lets the MKL inside PyTorch use AVX-512 on processors that have it but are not Intel's.
 *
 * MKL asks these two functions whether the processor is Intel's, and takes its AVX2 kernels where it
 * is not. Preloaded, they answer yes. Only for the comparison, so that PyTorch is also seen at its
 * fastest.
 *
 *     cc -shared -fPIC -O1 -o mkl_wide_vectors.so mkl_wide_vectors.c
 */
int mkl_serv_intel_cpu(void) { return 1; }
int mkl_serv_intel_cpu_true(void) { return 1; }
