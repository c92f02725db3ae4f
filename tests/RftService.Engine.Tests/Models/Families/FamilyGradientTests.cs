using RftService.Engine.Models;
using RftService.Engine.Training;
using TorchSharp;

namespace RftService.Engine.Tests.Models.Families;

public sealed class FamilyGradientTests
{
    private const double Step = 1e-5;
    private static readonly long[,] Tokens = { { 5, 9, 200, 31, 7, 77 }, { 0, 0, 3, 4, 5, 6 } };

    public static TheoryData<string> Variants => FamilyVariants.Names;

    [Theory]
    [MemberData(nameof(Variants))]
    public void Gradient_OfEveryParameter_EqualsFiniteDifferences(string variant)
    {
        using var folder = FamilyVariants.Make(variant);
        AssertGradients(ModelCatalog.Load(folder.Folder, "cpu", lora: null, seed: 0, torch.ScalarType.Float64));
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Gradient_OfEveryAdapter_EqualsFiniteDifferences(string variant)
    {
        using var folder = FamilyVariants.Make(variant);
        var model = ModelCatalog.Load(folder.Folder, "cpu", new LoraSpec { Rank = 2, Alpha = 3 }, seed: 1, torch.ScalarType.Float64);
        using (torch.no_grad())
        {
            torch.manual_seed(5);
            foreach (var (_, value) in model.Trainable)
            {
                value.add_(torch.randn_like(value).mul_(0.1)); // B is 0 in a new adapter, and so would be the gradient of A
            }
        }

        AssertGradients(model);
    }

    // The kernels of the host compute float32; in float64 torch finds every gradient by itself. Long enough for two blocks of attention.
    [Theory]
    [MemberData(nameof(Variants))]
    public void Gradient_InFloat32_IsThatInFloat64(string variant)
    {
        using var scope = torch.NewDisposeScope();
        using var folder = FamilyVariants.Make(variant);
        using var narrow = ModelCatalog.Load(folder.Folder, "cpu");
        using var wide = ModelCatalog.Load(folder.Folder, "cpu", lora: null, seed: 0, torch.ScalarType.Float64);
        using var generator = new torch.Generator(3);
        var tokens = torch.randint(0, narrow.Config.VocabularySize, [2, 150], torch.ScalarType.Int64, generator: generator);
        var mix = torch.randn([2, 150, narrow.Config.HiddenSize], torch.ScalarType.Float64, generator: generator);

        using var narrowPass = narrow.Train(tokens);
        using var widePass = wide.Train(tokens);
        narrowPass.Backward(mix.to(torch.ScalarType.Float32));
        widePass.Backward(mix);

        AssertNear("hidden", widePass.Hidden, narrowPass.Hidden);
        foreach (var ((name, value), (_, expected)) in narrow.Trainable.Zip(wide.Trainable).Where(pair => pair.First.Name != ModelLayout.Head))
        {
            AssertNear(name, expected.grad!, value.grad!);
        }
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.7)]
    public void LmHead_WithSoftCap_EqualsAutograd(double temperature)
    {
        using var scope = torch.NewDisposeScope();
        torch.manual_seed(3);
        var (hidden, weight) = (torch.randn(7, 6).requires_grad_(), torch.randn(11, 6).requires_grad_());
        var (targets, k) = (torch.randint(11, 7), torch.randn(7));

        var capped = torch.nn.functional.linear(hidden, weight).div(2.0).tanh().mul(2.0).div(temperature).log_softmax(-1);
        var expected = capped.gather(1, targets.unsqueeze(1)).squeeze(1);
        (expected * k).sum().backward();
        var (toHidden, toWeight) = (hidden.grad!.clone(), weight.grad!.clone());
        weight.grad!.zero_();

        foreach (var chunk in new int?[] { null, 3 })
        {
            using var head = new LmHead(hidden, weight, targets, temperature, keepSoftmax: true, chunk, softCap: 2.0);
            AssertClose(expected, head.LogProbs);
            AssertClose((capped.exp() * capped).sum(-1).neg(), head.Entropy);
            AssertClose(toHidden, head.Backward(k, weight));
            AssertClose(toWeight, weight.grad!);
            weight.grad!.zero_();
        }
    }

    // Along a random direction in each parameter: (L(p + εv) − L(p − εv)) / 2ε against ∇L·v.
    private static void AssertGradients(ICausalLm model)
    {
        using var scope = torch.NewDisposeScope();
        using (model)
        {
            torch.manual_seed(11);
            var tokens = torch.tensor(Tokens);
            var padding = torch.zeros(2, 6, torch.@bool);
            padding[1].narrow(0, 0, 2).fill_(true);
            var mix = torch.randn([2, 6, model.Config.HiddenSize], torch.ScalarType.Float64) * padding.logical_not().unsqueeze(-1);
            torch.Tensor Loss() => (model.Hidden(tokens, padding) * mix).sum();
            using (var pass = model.Train(tokens, padding))
            {
                pass.Backward(mix);
            }

            foreach (var (name, value) in model.Trainable)
            {
                if (name == ModelLayout.Head)
                {
                    continue; // the hidden states do not depend on it
                }

                using var inner = torch.NewDisposeScope();
                using var gradientOff = torch.no_grad();
                var direction = torch.randn_like(value);
                direction.div_(direction.norm());
                var slope = (value.grad! * direction).sum().item<double>();
                value.add_(direction * Step);
                var above = Loss().item<double>();
                value.sub_(direction * (2 * Step));
                var below = Loss().item<double>();
                value.add_(direction * Step);
                var measured = (above - below) / (2 * Step);
                Assert.True(
                    Math.Abs(measured - slope) <= 1e-5 * Math.Max(1, Math.Abs(slope)), $"{name}: expected a slope of {measured}, got {slope}");
            }
        }
    }

    private static void AssertNear(string name, torch.Tensor expected, torch.Tensor actual)
    {
        using var off = (expected - actual.to(torch.ScalarType.Float64)).norm() / expected.norm();
        Assert.True(off.item<double>() < 1e-5, $"{name} is off by {off.item<double>()}");
    }

    private static void AssertClose(torch.Tensor expected, torch.Tensor actual)
    {
        using var difference = (expected - actual).abs().max();
        Assert.InRange(difference.item<float>(), 0f, 1e-5f);
    }
}
