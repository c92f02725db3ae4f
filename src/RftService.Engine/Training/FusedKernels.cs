using TorchSharp;
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
                  lr: float, beta1: float, beta2: float, decay: float, epsilon: float):
            unused: List[Tensor] = []
            torch._foreach_add_(steps, 1)
            torch._fused_adamw_(params, grads, first, second, unused, steps, lr=lr, beta1=beta1, beta2=beta2,
                                weight_decay=decay, eps=epsilon, amsgrad=False, maximize=False)
            return steps[0]

        def norm(grads: List[Tensor]):
            return torch.norm(torch.stack(torch._foreach_norm(grads, 2.0)))

        def scale(grads: List[Tensor], factor: float):
            torch._foreach_mul_(grads, factor)
            return grads[0]
        """;

    private static readonly jit.CompilationUnit Unit = jit.compile(Script + "\n"); // its parser wants the last line ended

    /// <summary>One AdamW step on every tensor, in place; the step tensors are counted up first.</summary>
    public static void AdamW(
        Tensor[] values, Tensor[] gradients, Tensor[] first, Tensor[] second, Tensor[] steps, double rate, OptimizerSpec spec, double decay) =>
        Call("adamw", values, gradients, first, second, steps, rate, spec.Beta1, spec.Beta2, decay, spec.Epsilon).Dispose();

    /// <summary>Euclidean norm of all gradients together.</summary>
    public static double Norm(Tensor[] gradients)
    {
        using var norm = Call("norm", [gradients]);
        return norm.ToDouble();
    }

    /// <summary>Multiplies every gradient, in place.</summary>
    public static void Scale(Tensor[] gradients, double factor) => Call("scale", gradients, factor).Dispose();

    private static Tensor Call(string name, params object[] arguments) => (Tensor)Unit.invoke(name, arguments);
}
