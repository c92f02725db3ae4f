using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RftService.Engine.Kernels;

/// <summary>Some columns of a row, in registers. As a type, so that a product is written once and the compiler knows every width.</summary>
internal unsafe interface IColumns<T>
    where T : struct
{
    static abstract T Load(float* from);

    /// <summary>This + x · factor.</summary>
    T Plus(T x, float factor);

    void Store(float* to);
}

/// <summary>16 columns.</summary>
internal readonly unsafe struct Columns16(Vector512<float> a) : IColumns<Columns16>
{
    private readonly Vector512<float> _a = a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Columns16 Load(float* from) => new(Vector512.Load(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Columns16 Plus(Columns16 x, float factor) => new(Vector512.FusedMultiplyAdd(x._a, Vector512.Create(factor), _a));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* to) => _a.Store(to);
}

/// <summary>32 columns.</summary>
internal readonly unsafe struct Columns32(Vector512<float> a, Vector512<float> b) : IColumns<Columns32>
{
    private readonly Vector512<float> _a = a, _b = b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Columns32 Load(float* from) => new(Vector512.Load(from), Vector512.Load(from + 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Columns32 Plus(Columns32 x, float factor)
    {
        var f = Vector512.Create(factor);
        return new(Vector512.FusedMultiplyAdd(x._a, f, _a), Vector512.FusedMultiplyAdd(x._b, f, _b));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* to)
    {
        _a.Store(to);
        _b.Store(to + 16);
    }
}

/// <summary>64 columns.</summary>
internal readonly unsafe struct Columns64(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d) : IColumns<Columns64>
{
    private readonly Vector512<float> _a = a, _b = b, _c = c, _d = d;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Columns64 Load(float* from) =>
        new(Vector512.Load(from), Vector512.Load(from + 16), Vector512.Load(from + 32), Vector512.Load(from + 48));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Columns64 Plus(Columns64 x, float factor)
    {
        var f = Vector512.Create(factor);
        return new(
            Vector512.FusedMultiplyAdd(x._a, f, _a),
            Vector512.FusedMultiplyAdd(x._b, f, _b),
            Vector512.FusedMultiplyAdd(x._c, f, _c),
            Vector512.FusedMultiplyAdd(x._d, f, _d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* to)
    {
        _a.Store(to);
        _b.Store(to + 16);
        _c.Store(to + 32);
        _d.Store(to + 48);
    }
}

/// <summary>16 columns where registers hold 8.</summary>
internal readonly unsafe struct Columns16By8(Vector256<float> a, Vector256<float> b) : IColumns<Columns16By8>
{
    private readonly Vector256<float> _a = a, _b = b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Columns16By8 Load(float* from) => new(Vector256.Load(from), Vector256.Load(from + 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Columns16By8 Plus(Columns16By8 x, float factor)
    {
        var f = Vector256.Create(factor);
        return new(Vector256.FusedMultiplyAdd(x._a, f, _a), Vector256.FusedMultiplyAdd(x._b, f, _b));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* to)
    {
        _a.Store(to);
        _b.Store(to + 8);
    }
}
