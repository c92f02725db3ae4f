using RftService.Engine.Native;
using static TorchSharp.torch;

namespace RftService.Engine.Training;

/// <summary>
/// Operators that TorchSharp does not wrap, reached through TorchScript. A script that does not compile aborts the whole process:
/// the text is constant and every function has a test.
/// </summary>
internal static class FusedKernels
{
    private const string Script = """
        def adamw(params: List[Tensor], grads: List[Tensor], first: List[Tensor], second: List[Tensor], steps: List[Tensor],
                  numbers: Tensor):
            unused: List[Tensor] = []
            torch._foreach_add_(steps, 1)
            torch._fused_adamw_(params, grads, first, second, unused, steps, lr=float(numbers[0]), beta1=float(numbers[1]),
                                beta2=float(numbers[2]), weight_decay=float(numbers[3]), eps=float(numbers[4]),
                                amsgrad=False, maximize=False)
            return steps[0]

        def norm(grads: List[Tensor]):
            return torch.norm(torch.stack(torch._foreach_norm(grads, 2.0)))

        def scale(grads: List[Tensor], numbers: Tensor):
            torch._foreach_mul_(grads, float(numbers[0]))
            return grads[0]
        """;

    private static readonly jit.CompilationUnit Unit = jit.compile(Script + "\n"); // its parser wants the last line ended

    /// <summary>One AdamW step on every tensor, in place; the step tensors are counted up first.</summary>
    public static void AdamW(
        Tensor[] values, Tensor[] gradients, Tensor[] first, Tensor[] second, Tensor[] steps, double rate, OptimizerSpec spec, double decay)
    {
        using var numbers = Numbers(rate, spec.Beta1, spec.Beta2, decay, spec.Epsilon);
        Call("adamw", values, gradients, first, second, steps, numbers).Dispose();
    }

    /// <summary>Euclidean norm of all gradients together.</summary>
    public static double Norm(Tensor[] gradients)
    {
        using var norm = Call("norm", [gradients]);
        return norm.Total();
    }

    /// <summary>Multiplies every gradient, in place.</summary>
    public static void Scale(Tensor[] gradients, double factor)
    {
        using var numbers = Numbers(factor);
        Call("scale", gradients, numbers).Dispose();
    }

    // Never as plain numbers: TorchSharp makes a temporary Scalar of each, and the garbage collector may free it before the
    // native call reads it (seen: "Scalar.h: Expected false to be true" once in some hundred steps).
    private static Tensor Numbers(params double[] values) => tensor(values, ScalarType.Float64);

    private static Tensor Call(string name, params object[] arguments) => (Tensor)Unit.invoke(name, arguments);
}
